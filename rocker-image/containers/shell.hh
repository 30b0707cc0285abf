// What the commands give to scripts/rocker: assignments that `eval` can read, whatever is in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/support/str.hh"

namespace rocker::containers {

// 'text', with every quote in it as '\''.
inline std::string shell_quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

class ShellFacts {
 public:
  ShellFacts& set(std::string_view name, std::string_view value) {
    text_ += cat(name, "=", shell_quote(value), "\n");
    return *this;
  }
  // "set -- WORD...": the script's own arguments.
  ShellFacts& arguments(const std::vector<std::string>& words) {
    text_ += "set --";
    for (const auto& word : words) text_ += cat(" ", shell_quote(word));
    text_ += "\n";
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace rocker::containers
