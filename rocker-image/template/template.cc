#include "rocker-image/template/template.hh"

#include <algorithm>
#include <cctype>

#include "rocker-image/template/lex.hh"
#include "rocker-image/template/parse.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace templates {

namespace {

std::string capitals(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// docker: the last part of a label's name, in words.
std::string label_heading(std::string_view label) {
  std::string out(label.substr(label.rfind('.') + 1));
  for (char& c : out) {
    if (c == '-' || c == '_') c = ' ';
  }
  return out;
}

class Evaluator {
 public:
  Evaluator(const json::Value& root, const std::vector<Template::Known>& known, bool heading)
      : known_(known), heading_(heading) {
    variables_.emplace_back("", Value(root));
  }

  std::string run(const std::vector<Node>& nodes) {
    const Value root = variables_[0].second;  // a copy: the list of variables grows
    std::string out;
    walk(nodes, root, out);
    return out;
  }

 private:
  enum class Then { on, leave, next };  // what a {{break}} or a {{continue}} has asked for

  // Variables live to the end of the block they are declared in.
  Then walk(const std::vector<Node>& nodes, const Value& dot, std::string& out) {
    const auto outer = variables_.size();
    Then then = Then::on;
    for (const auto& node : nodes) {
      then = step(node, dot, out);
      if (then != Then::on) break;
    }
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(outer), variables_.end());
    return then;
  }

  Then step(const Node& node, const Value& dot, std::string& out) {
    switch (node.kind) {
      case Node::Kind::text: out += node.text; return Then::on;
      case Node::Kind::leave: return Then::leave;
      case Node::Kind::next: return Then::next;
      case Node::Kind::action: {
        const Value value = pipeline(node.pipeline, dot);
        if (node.pipeline.variables.empty()) out += value.shown();
        return Then::on;
      }
      default: break;
    }
    const auto outer = variables_.size();
    const Value value = pipeline(node.pipeline, dot);
    Then then = Then::on;
    if (node.kind == Node::Kind::range) {
      then = range(node, value, dot, out);
    } else if (value.truth()) {
      then = walk(node.body, node.kind == Node::Kind::with ? value : dot, out);
    } else {
      then = walk(node.otherwise, dot, out);
    }
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(outer), variables_.end());
    return then;
  }

  Then range(const Node& node, const Value& value, const Value& dot, std::string& out) {
    std::vector<std::pair<Value, Value>> items;
    if (const auto* list = value.list()) {
      for (const auto& element : *list)
        items.emplace_back(Value(static_cast<std::int64_t>(items.size())), element);
    } else if (value.object() != nullptr) {
      for (auto& [name, member] : value.members()) items.emplace_back(Value(name), std::move(member));
    } else if (!value.is_nothing() && !heading_) {
      throw bad_template(cat("range: expected a list or an object, found ", value.type(), " ",
                             printable(value.shown(), 80)));
    }
    if (items.empty()) return walk(node.otherwise, dot, out);
    const auto& names = node.pipeline.variables;
    for (const auto& [key, element] : items) {
      if (names.size() == 2) variable(names[0]) = key;
      if (!names.empty()) variable(names.back()) = element;
      if (walk(node.body, element, out) == Then::leave) break;
    }
    return Then::on;
  }

  Value& variable(std::string_view name) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->first == name) return it->second;
    }
    throw bad_template(cat("there is no variable $", printable(name)));
  }

  Value pipeline(const Pipeline& line, const Value& dot) {
    Value value;
    bool first = true;
    for (const auto& words : line.commands) {
      value = command(words, dot, first ? nullptr : &value);
      first = false;
    }
    for (const auto& name : line.variables) {
      if (line.declares) variables_.emplace_back(name, value);
      variable(name) = value;
    }
    return value;
  }

  // `piped`: what came through the "|", the last argument.
  Value command(const Command& words, const Value& dot, const Value* piped) {
    const Operand& head = words.front();
    if (head.kind == Operand::Kind::function) return call(words, dot, piped);
    if (words.size() == 1 && piped == nullptr) return operand(head, dot);
    // docker's one method: {{.Label "key"}}.
    if (head.fields.empty() || head.fields.back() != "Label" || words.size() + (piped != nullptr) != 2)
      throw bad_template(head.fields.empty()
                             ? "a value that is no function takes no argument"
                             : cat("the field \"", printable(head.fields.back()), "\" takes no argument"));
    const Value key = piped != nullptr ? *piped : operand(words[1], dot);
    if (heading_) return Value(label_heading(key.shown()));
    return index_of(operand(head, dot), key);
  }

  Value call(const Command& words, const Value& dot, const Value* piped) {
    const Function& function = *words.front().function;
    const std::size_t given = words.size() - 1 + (piped != nullptr ? 1 : 0);
    if (given < function.least || given > function.most)
      throw bad_template(cat(function.name, ": expected ", function.least == function.most ? "" : "at least ",
                             function.least, function.least == 1 ? " argument" : " arguments", ", found ",
                             given));
    std::vector<Value> arguments;
    for (std::size_t i = 0; i < given; ++i) {
      arguments.push_back(i + 1 < words.size() ? operand(words[i + 1], dot) : *piped);
      const bool yes = arguments.back().truth();
      if ((is_and(function) && !yes) || (is_or(function) && yes)) return arguments.back();
    }
    if (heading_ && function.keeps_heading) return arguments.front();
    return fields(function.call(arguments), words.front().fields);
  }

  Value operand(const Operand& word, const Value& dot) {
    switch (word.kind) {
      case Operand::Kind::dot: return fields(dot, word.fields);
      case Operand::Kind::variable: return fields(variable(word.variable), word.fields);
      case Operand::Kind::literal: return fields(word.literal, word.fields);
      case Operand::Kind::pipeline: return fields(pipeline(*word.inner, dot), word.fields);
      case Operand::Kind::function: break;
    }
    return call({word}, dot, nullptr);
  }

  Value fields(Value value, const std::vector<std::string>& names) {
    std::string path;
    for (const auto& name : names) {
      path += cat(".", name);
      value = field(value, name, path);
    }
    return value;
  }

  // docker's fields are Go's, whose letters may be other cases of those in the JSON: {{.ID}} is "Id".
  Value field(const Value& holder, const std::string& name, const std::string& path) {
    const auto known =
        std::find_if(known_.begin(), known_.end(), [&](const auto& member) { return member.name == name; });
    const Value nothing = known != known_.end() ? Value(known->nothing) : Value();
    const bool may_lack = known != known_.end() && known->optional;
    if (holder.is_nothing() && may_lack) return nothing;
    if (holder.is_nothing())
      throw bad_template(cat("no field \"", printable(path), "\": what should have it is not there"));
    const auto* object = holder.object();
    if (object != nullptr) {
      if (object->has(name)) {
        const auto member = object->find(name);
        return member ? Value(*member) : nothing;
      }
      const std::string wanted = capitals(name);
      for (auto& [other, member] : holder.members()) {
        if (capitals(other) == wanted) return member;
      }
    }
    if (heading_) return Value(capitals(name));
    if (object == nullptr)
      throw bad_template(cat("no field \"", printable(path), "\": it is asked of a ", holder.type()));
    if (may_lack) return nothing;
    std::vector<std::string> names;
    for (const auto& [other, member] : holder.members()) names.push_back(other);
    throw bad_template(cat("no field \"", printable(path), "\"")).hint(cat("there is ", join(names, ", ")));
  }

  const std::vector<Template::Known>& known_;
  const bool heading_;
  std::vector<std::pair<std::string, Value>> variables_;  // the first one, "$", is the root
};

}  // namespace

}  // namespace templates

Template::Template(std::string_view text, std::vector<Known> known)
    : nodes_(templates::parse(text)), known_(std::move(known)) {}
Template::Template(Template&&) noexcept = default;
Template::~Template() = default;

std::string Template::render(const json::Value& dot) const {
  return templates::Evaluator(dot, known_, false).run(nodes_);
}

std::string Template::heading(const json::Value& headings) const {
  return templates::Evaluator(headings, known_, true).run(nodes_);
}

}  // namespace rocker
