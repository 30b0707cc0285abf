#include "rocker-image/verbs/inside.hh"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

namespace {

constexpr std::size_t most = 64 << 10;

void become_root_of(int user_namespace) {
  // Not execve(2) afterwards, ever: a program that is started in there is the container's root's to trace.
  if (::setns(user_namespace, CLONE_NEWUSER) < 0) throw system_error("join the container's user namespace");
  if (::setgroups(0, nullptr) < 0 || ::setresgid(0, 0, 0) < 0 || ::setresuid(0, 0, 0) < 0)
    throw system_error("become root of the container's user namespace");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) throw system_error("PR_SET_DUMPABLE");
}

}  // namespace

Inside::Inside(int user_namespace, const std::function<void()>& fn) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
  problem_.reset(ends[0]);
  const UniqueFd problem(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) throw system_error("fork");
  if (pid_ != 0) return;
  try {
    become_root_of(user_namespace);
    // Not before: a change of the user takes it back.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    fn();
    ::_exit(0);
  } catch (const std::exception& error) {
    const std::string_view text = error.what();
    (void)!::write(problem.get(), text.data(), text.size());
  }
  ::_exit(1);
}

Inside::~Inside() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Inside::finish() {
  const std::string problem = read_all(problem_.get(), "what the child says", most);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) throw system_error("waitpid");
  }
  pid_ = -1;
  if (!problem.empty()) throw Error(problem);
  if (status != 0) throw Error("the process in the container's user namespace was killed");
}

}  // namespace rocker::verbs
