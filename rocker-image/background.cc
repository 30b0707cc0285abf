#include "rocker-image/background.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/lock.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

// How long the caller waits for a tree that may be small.
static constexpr int patience_ms = 30;

static void remove_now(const std::string& directory, const std::string& name) {
  const UniqueFd dir = open_path(directory, O_RDONLY | O_DIRECTORY);
  const FileLock lock = FileLock::attempt(dir.get(), cat(name, ".lock"), FileLock::Mode::exclusive);
  if (!lock) return;  // somebody who prunes has found it first
  remove_tree(dir.get(), name);
  ::unlinkat(dir.get(), cat(name, ".lock").c_str(), 0);
}

void remove_in_background(const std::string& directory, const std::string& name) {
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("fork");
  if (pid == 0) {
    // Not one descriptor of the caller's: a lock would live on, and who reads our output would wait for its
    // end.
    ::close_range(0, ~0U, 0);
    ::open("/dev/null", O_RDWR);
    ::dup2(0, 1);
    ::dup2(0, 2);
    ::setsid();
    try {
      if (::chdir("/") == 0) remove_now(directory, name);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  const UniqueFd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd wanted{child.get(), POLLIN, 0};
  if (child && ::poll(&wanted, 1, patience_ms) == 1) ::waitpid(pid, nullptr, 0);
}

}  // namespace rocker
