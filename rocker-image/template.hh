// `--format`: docker's templates (Go's text/template) over JSON, as far as listings and recipes use them:
// {{.A.B}}, {{json .A}}, {{len .A}}, {{upper .A}}, {{lower .A}}, {{join .A ","}}, {{index .A "key"}},
// {{println ...}}, {{range}}, {{if}}, {{else}}, {{end}}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/json.hh"

namespace rocker {

// Throws Error that says what is wrong with the template, or which field there is not.
std::string render(std::string_view text, const json::Value& value);

// What a listing prints of its rows, each a JSON object in compact text. `format`: "json" for a row a line,
// "table" for the columns of `fields`, "table {{.A}}\t{{.B}}", or a template that is rendered for each.
struct Column {
  std::string_view heading, field;
};
std::string render_rows(std::string_view format, const std::vector<std::string>& rows,
                        const std::vector<Column>& columns);

}  // namespace rocker
