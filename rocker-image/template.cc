#include "rocker-image/template.hh"

#include <strings.h>

#include <vector>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

std::optional<json::Value> find_member(const json::Value& value, const std::string& name) {
  std::optional<json::Value> found;
  value.each_member([&](const std::string& key, const json::Value& member) {
    if (::strcasecmp(key.c_str(), name.c_str()) == 0) found = member;
  });
  return found;
}

std::string fill(std::string_view action, const json::Value& root) {
  bool as_json = false;
  auto path = trim(action);
  if (path.starts_with("json ")) {
    as_json = true;
    path = trim(path.substr(5));
  }
  if (!path.starts_with('.')) {
    throw Error(cat("--format: \"{{", printable(action), "}}\" is not understood"))
        .hint("use {{.Member}} or {{json .Member}}");
  }
  json::Value value = root;
  if (path.size() > 1) {
    for (const auto part : split(path.substr(1), '.')) {
      const auto found = value.is_object() ? find_member(value, std::string(part)) : std::nullopt;
      if (!found) {
        std::vector<std::string> names;
        if (value.is_object())
          value.each_member([&](const std::string& key, const json::Value&) { names.push_back(key); });
        throw Error(cat("--format: there is no \"", printable(part), "\""))
            .hint(cat("there is ", join(names, ", ")));
      }
      value = *found;
    }
  }
  return value.is_string() && !as_json ? value.as_string() : value.text();
}

}  // namespace

std::string render_template(std::string_view format, const json::Value& value) {
  std::string out;
  while (!format.empty()) {
    if (format.starts_with("{{")) {
      const auto end = format.find("}}");
      if (end == std::string_view::npos) throw Error("--format: a {{ is not closed");
      out += fill(format.substr(2, end - 2), value);
      format.remove_prefix(end + 2);
    } else if (format.starts_with("\\n") || format.starts_with("\\t")) {
      out += format[1] == 'n' ? '\n' : '\t';
      format.remove_prefix(2);
    } else {
      out += format[0];
      format.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace rocker
