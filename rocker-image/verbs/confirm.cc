#include "rocker-image/verbs/confirm.hh"

#include <unistd.h>

#include <cerrno>

#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

bool confirmed(bool force, std::string_view what) {
  if (force) return true;
  write_all(STDERR_FILENO,
            cat("WARNING! This will remove ", what, ".\nAre you sure you want to continue? [y/N] "),
            "standard error");
  // No more than the line: what follows is somebody else's.
  std::string answer;
  char c = 0;
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || c == '\n') break;
    constexpr std::size_t most = 80;
    if (answer.size() < most) answer += c;
  }
  if (c != '\n') write_all(STDERR_FILENO, "\n", "standard error");
  const auto word = trim(answer);
  return word == "y" || word == "Y" || word == "yes" || word == "Yes";
}

}  // namespace rocker::verbs
