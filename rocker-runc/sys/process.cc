#include "rocker-runc/sys/process.hh"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::sys {

CloneResult clone_process(std::uint64_t flags, int cgroup_fd, bool sibling) {
  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  // With CLONE_PARENT the signal is the one of the caller itself, and giving one is an error.
  args.exit_signal = sibling ? 0 : SIGCHLD;
  if (sibling) args.flags |= CLONE_PARENT;
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) throw system_error("clone3");
  CloneResult result;
  result.pid = static_cast<pid_t>(pid);
  if (pid > 0) result.pidfd.reset(pidfd);
  return result;
}

UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool send_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

int wait_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw system_error("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool in_user_namespace() {
  // The first user namespace has a number of its own (PROC_USER_INIT_INO, since Linux 3.8).
  constexpr ino_t initial = 0xEFFFFFFDU;
  struct stat st {};
  return ::stat("/proc/self/ns/user", &st) == 0 && st.st_ino != initial;
}

void join_namespace(int fd, int type, const std::string& what) {
  if (::setns(fd, type) < 0) throw system_error(cat("join the ", what));
}

std::optional<ProcessInfo> process_info(pid_t pid) {
  const UniqueFd fd(::open(cat("/proc/", pid, "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  char buffer[1024];
  const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
  if (got <= 0) return std::nullopt;
  // The second field is the command in parentheses and may hold anything, also ") ".
  std::string_view text(buffer, static_cast<std::size_t>(got));
  const auto end = text.rfind(')');
  if (end == std::string_view::npos || end + 2 >= text.size()) return std::nullopt;
  const auto fields = split(text.substr(end + 2), ' ');
  unsigned long long start = 0;
  // Field 3 is the state, field 22 the start time (proc(5)).
  if (fields.size() < 20 || fields[0].empty() || !parse_number(fields[19], start)) return std::nullopt;
  return ProcessInfo{fields[0][0], start};
}

}  // namespace rocker::sys
