#include "scripts/attach/terminal.hh"

#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::attach {

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  if (::tcgetattr(fd, &before_) < 0) return;
  struct termios raw = before_;
  ::cfmakeraw(&raw);
  // TCSADRAIN: what was typed ahead is for the container.
  if (::tcsetattr(fd, TCSADRAIN, &raw) < 0) throw system_error("raw mode of the terminal");
  active_ = true;
}

RawTerminal::~RawTerminal() {
  restore();
}

void RawTerminal::restore() {
  if (active_) ::tcsetattr(fd_, TCSADRAIN, &before_);
  active_ = false;
}

std::string parse_detach_keys(std::string_view text) {
  std::string keys;
  if (text.empty()) return keys;
  for (const auto key : split(text, ',')) {
    if (key.size() == 1) {
      keys += key;
      continue;
    }
    char letter = 0;
    if (key.size() == 6 && key.starts_with("ctrl-")) letter = key[5];
    if (letter >= 'a' && letter <= 'z') {
      keys += static_cast<char>(letter - 'a' + 1);
    } else if (letter >= '@' && letter <= '_') {
      keys += static_cast<char>(letter - '@');
    } else {
      throw Error(
          cat("--detach-keys: expected keys like \"ctrl-p,ctrl-q\", found \"", printable(text), "\""));
    }
  }
  return keys;
}

bool DetachKeys::filter(std::string_view typed, std::string& out) {
  if (keys_.empty()) {
    out += typed;
    return false;
  }
  for (const char c : typed) {
    if (c == keys_[matched_]) {
      if (++matched_ == keys_.size()) return true;
      continue;
    }
    out.append(keys_, 0, matched_);
    matched_ = c == keys_[0] && keys_.size() > 1 ? 1 : 0;
    if (matched_ == 0) out += c;
  }
  return false;
}

}  // namespace rocker::attach
