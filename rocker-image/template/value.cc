#include "rocker-image/template/value.hh"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "spec/support/str.hh"

namespace rocker::templates {

namespace {

// Go's %v: the fewest digits that are the same number again, with an exponent from 1e-05 down and 1e+06 up.
// Not by std::to_chars, whose tables and libm would be loaded with every command.
std::string number_text(double number) {
  char text[400];
  int digits = 1;
  do {
    std::snprintf(text, sizeof text, "%.*e", digits - 1, number);
  } while (std::strtod(text, nullptr) != number && ++digits <= 17);
  const double size = std::fabs(number);
  if (size != 0 && (size < 1e-4 || size >= 1e6)) return text;
  const int exponent = std::atoi(std::strchr(text, 'e') + 1);
  std::snprintf(text, sizeof text, "%.*f", std::max(0, digits - 1 - exponent), number);
  return text;
}

}  // namespace

// Not in the class: inlined there, they make g++ 12 warn of a variant that is not initialized.
Value::Value(Nothing kind) : content_(kind) {}
Value::Value(bool flag) : content_(flag) {}
Value::Value(std::int64_t number) : content_(number) {}
Value::Value(double number) : content_(number) {}
Value::Value(std::string text) : content_(std::move(text)) {}
Value::Value(List list) : content_(std::make_shared<const List>(std::move(list))) {}

Value::Value(const json::Value& json) {
  if (json.is_object()) {
    content_ = json;
  } else if (json.is_array()) {
    List list;
    json.each_element([&](const json::Value& element) { list.emplace_back(element); });
    content_ = std::make_shared<const List>(std::move(list));
  } else if (json.is_string()) {
    content_ = json.as_string();
  } else if (json.is_bool()) {
    content_ = json.as_bool();
  } else if (json.is_number()) {
    long long whole = 0;
    if (parse_number(json.text(), whole)) {
      content_ = static_cast<std::int64_t>(whole);
    } else {
      content_ = json.as_double();
    }
  }
}

const Value::List* Value::list() const {
  const auto* list = std::get_if<std::shared_ptr<const List>>(&content_);
  return list == nullptr ? nullptr : list->get();
}

std::vector<std::pair<std::string, Value>> Value::members() const {
  std::vector<std::pair<std::string, Value>> out;
  if (const auto* members = object()) {
    members->each_member([&](std::string name, const json::Value& member) {
      out.emplace_back(std::move(name), Value(member));
    });
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

bool Value::truth() const {
  if (const auto* known = flag()) return *known;
  if (const auto* number = integer()) return *number != 0;
  if (const auto* number = real()) return *number != 0;
  if (const auto* text = string()) return !text->empty();
  if (const auto* elements = list()) return !elements->empty();
  return object() != nullptr && object()->size() != 0;
}

std::string Value::shown() const {
  if (const auto* known = flag()) return *known ? "true" : "false";
  if (const auto* number = integer()) return cat(*number);
  if (const auto* number = real()) return number_text(*number);
  if (const auto* text = string()) return *text;
  std::string out;
  if (const auto* elements = list()) {
    for (const auto& element : *elements) out += cat(out.empty() ? "" : " ", element.inner());
    return cat("[", out, "]");
  }
  if (const auto* kind = nothing()) {
    switch (*kind) {
      case Nothing::any: return "<no value>";
      case Nothing::pointer: return "<nil>";
      case Nothing::list: return "[]";
      case Nothing::map: break;
    }
  }
  for (const auto& [name, member] : members()) out += cat(out.empty() ? "" : " ", name, ":", member.inner());
  return cat("map[", out, "]");
}

std::string Value::inner() const {
  const auto* kind = nothing();
  return kind != nullptr && *kind == Nothing::any ? "<nil>" : shown();
}

std::string Value::json() const {
  if (const auto* text = string()) return json::quote(*text);
  if (object() != nullptr) return object()->text();
  if (const auto* elements = list()) {
    std::string out;
    for (const auto& element : *elements) out += cat(out.empty() ? "" : ",", element.json());
    return cat("[", out, "]");
  }
  return is_nothing() ? "null" : shown();
}

std::string_view Value::type() const {
  if (const auto* kind = nothing())
    return *kind == Nothing::list ? "slice" : *kind == Nothing::map ? "map" : "nil";
  if (flag() != nullptr) return "bool";
  if (integer() != nullptr) return "int";
  if (real() != nullptr) return "float64";
  if (string() != nullptr) return "string";
  return list() != nullptr ? "slice" : "map";
}

}  // namespace rocker::templates
