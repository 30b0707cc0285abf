// The functions of templates: Go's own, and those that docker and podman add.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rocker-image/template/value.hh"

namespace rocker::templates {

struct Function {
  std::string_view name;
  std::size_t least, most;  // how many arguments it takes
  // Throws Error when the arguments are of a wrong kind.
  Value (*call)(std::span<const Value> arguments);
  // In the heading of a table it leaves its (last) argument as it is.
  bool keeps_heading = false;
};

// Null when there is none of that name.
const Function* find_function(std::string_view name);

// "and" and "or" are given their arguments one by one, and no more of them than they need.
bool is_and(const Function& function);
bool is_or(const Function& function);

// All names, for messages.
std::string function_names();

// Go's index of one step: a member of an object, an element of a list.
Value index_of(const Value& holder, const Value& key);

}  // namespace rocker::templates
