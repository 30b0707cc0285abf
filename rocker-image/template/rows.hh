// What a listing prints with --format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/template/template.hh"

namespace rocker {

struct Column {
  std::string_view heading, field;
};

// Rows are JSON objects in compact text. `format`: "json" for a row a line, "table" for the columns of
// `columns`, "table {{.A}}\t{{.B}}", or a template that is rendered for each. As docker has it, "\t" and "\n"
// in the plain text of a format are a tab and a line end. `more`: headings of fields that are no column
// unless they are asked for. `known`: members that a row may lack. Throws Error as Template does.
std::string render_rows(std::string_view format, const std::vector<std::string>& rows,
                        const std::vector<Column>& columns, const std::vector<Column>& more = {},
                        const std::vector<Template::Known>& known = {});

}  // namespace rocker
