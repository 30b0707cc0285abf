// A template as a tree, as Go's text/template/parse has it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/template/functions.hh"
#include "rocker-image/template/value.hh"

namespace rocker::templates {

struct Pipeline;

// One word of a command, and the fields that are asked of it: `.A.B`, `$x.A`, `(index .M 0).A`.
struct Operand {
  enum class Kind { dot, variable, literal, function, pipeline } kind = Kind::dot;
  std::string variable;
  Value literal;
  const Function* function = nullptr;
  std::shared_ptr<const Pipeline> inner;
  std::vector<std::string> fields;
};

// `first argument...`
using Command = std::vector<Operand>;

// `$k, $v := command | command`
struct Pipeline {
  std::vector<std::string> variables;
  bool declares = false;  // ":=" and not "="
  std::vector<Command> commands;
};

struct Node {
  enum class Kind { text, action, when, range, with, leave, next } kind;
  std::string text;
  Pipeline pipeline;
  std::vector<Node> body, otherwise;  // otherwise: behind {{else}}
};

// Throws Error for what is no template, names no function, or is of Go's language and not supported here.
std::vector<Node> parse(std::string_view text);

}  // namespace rocker::templates
