#include "rocker-image/template/rows.hh"

#include "rocker-image/table.hh"
#include "spec/support/str.hh"
#include "spec/support/utf8.hh"

namespace rocker {

namespace {

// Outside of the actions only: a string in one has escapes of its own.
std::string unescape(std::string_view text) {
  std::string out;
  bool action = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto two = text.substr(i, 2);
    if (two == "{{" || two == "}}") action = two == "{{";
    if (!action && (two == "\\t" || two == "\\n")) {
      out += two == "\\t" ? '\t' : '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string rendered(const Template& format, const std::string& row) {
  const auto document = json::Document::parse(row, "row");
  return format.render(document.root());
}

std::string heading(const Template& format, const std::vector<Column>& columns,
                    const std::vector<Column>& more) {
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    for (const auto& column : columns) w.member(column.field, column.heading);
    for (const auto& column : more) w.member(column.field, column.heading);
  });
  const auto document = json::Document::parse(w.text(), "headings");
  return format.heading(document.root());
}

std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> out;
  for (const auto cell : split(line, '\t')) out.emplace_back(cell);
  return out;
}

}  // namespace

std::string render_rows(std::string_view format, const std::vector<std::string>& rows,
                        const std::vector<Column>& columns, const std::vector<Column>& more,
                        const std::vector<Template::Known>& known) {
  std::string out;
  if (format == "json") {
    for (const auto& row : rows) out += cat(terminal_json(row), "\n");
    return out;
  }
  if (format != "table" && !format.starts_with("table ")) {
    const Template each(unescape(format), known);
    for (const auto& row : rows) out += cat(rendered(each, row), "\n");
    return out;
  }
  std::string text = unescape(trim(format.substr(5)));
  if (text.empty()) {
    for (const auto& column : columns) text += cat(text.empty() ? "" : "\t", "{{.", column.field, "}}");
  }
  const Template each(text, known);
  std::vector<std::vector<std::string>> table{cells(heading(each, columns, more))};
  for (const auto& row : rows) table.push_back(cells(rendered(each, row)));
  return table_text(table);
}

}  // namespace rocker
