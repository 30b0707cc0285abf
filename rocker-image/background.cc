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

// A child with not one descriptor of the caller's: a lock would live on, and who reads our output would wait
// for its end. Gives 0 in the child.
static pid_t fork_detached() {
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("fork");
  if (pid == 0) {
    ::close_range(0, ~0U, 0);
    ::open("/dev/null", O_RDWR);
    ::dup2(0, 1);
    ::dup2(0, 2);
    ::setsid();
    if (::chdir("/") < 0) ::_exit(1);
  }
  return pid;
}

static void remove_now(const std::string& directory, const std::string& name) {
  const UniqueFd dir = open_path(directory, O_RDONLY | O_DIRECTORY);
  const FileLock lock = FileLock::attempt(dir.get(), cat(name, ".lock"), FileLock::Mode::exclusive);
  if (!lock) return;  // somebody who prunes has found it first
  remove_tree(dir.get(), name);
  ::unlinkat(dir.get(), cat(name, ".lock").c_str(), 0);
}

void remove_in_background(const std::string& directory, const std::string& name) {
  const pid_t pid = fork_detached();
  if (pid == 0) {
    try {
      remove_now(directory, name);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  const UniqueFd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd wanted{child.get(), POLLIN, 0};
  if (child && ::poll(&wanted, 1, patience_ms) == 1) ::waitpid(pid, nullptr, 0);
}

void go_on_in_background(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv{"rocker-image"};
  for (const auto& word : arguments) argv.push_back(word.c_str());
  argv.push_back(nullptr);
  if (fork_detached() != 0) return;
  ::execv("/proc/self/exe", const_cast<char**>(argv.data()));
  ::_exit(127);
}

}  // namespace rocker
