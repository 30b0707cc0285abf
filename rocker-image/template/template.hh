// `--format`: docker's templates, Go's text/template over JSON. A room of its own: lex, parse, functions, and
// the evaluation here. {{define}}, {{template}}, {{block}} and the functions call, html, js and urlquery are
// refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/template/value.hh"
#include "spec/json.hh"

namespace rocker {

namespace templates {
struct Node;
}

class Template {
 public:
  // A member that is nothing (null) in some documents, and what it is nothing of: docker prints "[]" for a
  // list that nobody gave.
  struct Known {
    std::string_view name;
    templates::Nothing nothing = templates::Nothing::any;
    bool optional = true;  // documents may lack it; any other that is not there is an error, as for docker
  };

  // Throws Error that says what is wrong with the text.
  explicit Template(std::string_view text, std::vector<Known> known = {});
  Template(Template&&) noexcept;
  ~Template();

  // Throws Error that says which field there is not, or which argument does not fit.
  std::string render(const json::Value& dot) const;

  // The heading of a table: a field is its heading in `headings` (an object), or else its name in capitals.
  std::string heading(const json::Value& headings) const;

 private:
  std::vector<templates::Node> nodes_;
  std::vector<Known> known_;
};

}  // namespace rocker
