// What an expression of a template has for its value: Go's, as far as JSON and the functions make them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "spec/json.hh"

namespace rocker::templates {

// What there is nothing of. Go knows it from the type of a field and prints each in its way; in JSON all are
// null.
enum class Nothing { any, pointer, list, map };

class Value {
 public:
  using List = std::vector<Value>;

  Value() = default;  // nothing: Go's nil
  explicit Value(Nothing kind);
  explicit Value(bool flag);
  explicit Value(std::int64_t number);
  explicit Value(double number);
  explicit Value(std::string text);
  explicit Value(List list);
  // The JSON has to outlive the value.
  explicit Value(const json::Value& json);

  // Each is null when the value is of another kind.
  const bool* flag() const { return std::get_if<bool>(&content_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&content_); }
  const double* real() const { return std::get_if<double>(&content_); }
  const std::string* string() const { return std::get_if<std::string>(&content_); }
  const json::Value* object() const { return std::get_if<json::Value>(&content_); }
  const List* list() const;
  bool is_nothing() const { return nothing() != nullptr; }

  // An object's members in the order of their names, as Go walks through a map.
  std::vector<std::pair<std::string, Value>> members() const;

  // What {{if}} asks: false are nothing, false, 0, and what is empty.
  bool truth() const;

  // As Go prints it: strings bare, lists in brackets, objects as map[].
  std::string shown() const;

  // The same inside of another value, and as an argument of print and printf: nothing is "<nil>" there.
  std::string inner() const;

  // As compact JSON.
  std::string json() const;

  // Go's name of its type, for messages.
  std::string_view type() const;

 private:
  const Nothing* nothing() const { return std::get_if<Nothing>(&content_); }

  std::variant<Nothing, bool, std::int64_t, double, std::string, std::shared_ptr<const List>, json::Value>
      content_;
};

}  // namespace rocker::templates
