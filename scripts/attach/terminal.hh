// The user's terminal while a container has it.
#pragma once

#include <termios.h>

#include <string>
#include <string_view>

namespace rocker::attach {

// Puts a terminal into raw mode and back when it goes out of scope. For a descriptor that is no terminal:
// nothing.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool active() const { return active_; }
  void restore();

 private:
  int fd_;
  bool active_ = false;
  struct termios before_ {};
};

// The keys that leave a container running: "ctrl-p,ctrl-q" as the bytes that a terminal sends. Empty: none.
// Throws Error for what is no key.
std::string parse_detach_keys(std::string_view text);

// Looks for the detach keys in what is typed. They are withheld until it is clear that they are not the whole
// sequence.
class DetachKeys {
 public:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}
  // Appends to `out` what goes on to the container; true when the sequence is complete.
  bool filter(std::string_view typed, std::string& out);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace rocker::attach
