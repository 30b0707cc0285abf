#include "rocker-image/verbs/spawn.hh"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/str.hh"

extern char** environ;

namespace rocker::verbs {

namespace {

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

pid_t start(const std::vector<std::string>& line, int in, int out, int err) {
  std::vector<char*> argv;
  for (const auto& word : line) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (in >= 0) ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  if (out >= 0) ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (err >= 0) ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw system_error(cat("start ", line[0]), error);
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw system_error("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Outcome run_program(const std::vector<std::string>& line, std::string_view input) {
  Pipe in, out, err;
  const pid_t pid = start(line, in.read_end.get(), out.write_end.get(), err.write_end.get());
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  ::signal(SIGPIPE, SIG_IGN);
  if (input.empty()) in.write_end.reset();
  Outcome outcome;
  char buffer[16 << 10];
  const auto take = [&](UniqueFd& fd, std::string& into) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got > 0) {
      into.append(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      fd.reset();
    }
  };
  while (out.read_end || err.read_end) {
    struct pollfd fds[] = {
        {out.read_end.get(), POLLIN, 0}, {err.read_end.get(), POLLIN, 0}, {in.write_end.get(), POLLOUT, 0}};
    if (::poll(fds, 3, -1) < 0 && errno != EINTR) throw system_error("poll");
    if (fds[2].revents != 0) {
      const ssize_t wrote = ::write(in.write_end.get(), input.data(), input.size());
      if (wrote > 0) input.remove_prefix(static_cast<std::size_t>(wrote));
      if (wrote < 0 || input.empty()) in.write_end.reset();
    }
    if (fds[0].revents != 0) take(out.read_end, outcome.out);
    if (fds[1].revents != 0) take(err.read_end, outcome.err);
  }
  outcome.status = wait_for(pid);
  return outcome;
}

int run_attached(const std::vector<std::string>& line, int in, int out) {
  return wait_for(start(line, in, out, -1));
}

}  // namespace rocker::verbs
