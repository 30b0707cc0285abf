// The text of a template in tokens: plain text, and what stands between "{{" and "}}".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/template/value.hh"
#include "spec/support/error.hh"

namespace rocker::templates {

struct Token {
  enum class Kind {
    text,  // outside of actions, with what "{{-" and "-}}" trim gone
    begin,
    end,       // of an action
    field,     // ".Name"
    dot,       // "." alone
    variable,  // "$" or "$name"
    word,      // a function or a keyword
    literal,   // a string or a number
    symbol,    // "(", ")", "|", ",", "=" or ":="
  } kind;
  std::string text;     // a field's and a variable's without "." and "$"
  Value value;          // of a literal
  bool spaced = false;  // a blank stands before it: ".A .B" are two words, ".A.B" is one
};

// Throws Error for what is no template.
std::vector<Token> tokens_of(std::string_view text);

Error bad_template(std::string_view why);

}  // namespace rocker::templates
