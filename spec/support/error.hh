// The one exception type. It is thrown where something goes wrong, given context on the way up
// ("mount /proc: ..."), and printed once: in main, or by the parent of a clone.
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>

namespace rocker {

class Error : public std::exception {
 public:
  explicit Error(std::string message, int errno_value = 0);

  // "context: message". Returns the same error, so that `throw error.context(...)` reads well.
  Error& context(std::string_view context);

  // What the user can do about it; printed behind the message, after a dash.
  Error& hint(std::string hint);

  // The status that the program exits with for this error (see exit codes in the man pages).
  Error& exit_status(int status);

  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  int errno_value() const { return errno_; }
  int exit_status() const { return exit_status_; }

  // The whole line, with the hint.
  const char* what() const noexcept override { return line_.c_str(); }

 private:
  void compose();

  std::string message_;
  std::string hint_;
  std::string line_;
  int errno_ = 0;
  int exit_status_ = 1;
};

// "what: the text of errno_value", as a system call that failed reports it.
[[nodiscard]] Error system_error(std::string_view what, int errno_value = errno);

// Runs fn; an Error that leaves it gets the context. The context is a callable, so that it costs nothing
// when all goes well.
template <typename Context, typename Fn>
decltype(auto) with_context(Context&& context, Fn&& fn) {
  try {
    return fn();
  } catch (Error& error) {
    error.context(context());
    throw;
  }
}

}  // namespace rocker
