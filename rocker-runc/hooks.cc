#include "rocker-runc/hooks.hh"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "rocker-runc/sys/process.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::size_t most_output = 4096;  // of a hook, kept for the error

struct Pipe {
  UniqueFd reader, writer;
  Pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0) throw system_error("pipe");
    reader.reset(fds[0]);
    writer.reset(fds[1]);
  }
};

[[noreturn]] void become_hook(const spec::Hook& hook, int input, int output, int problem,
                              const std::string& directory) {
  std::vector<char*> argv, env;
  for (const auto& arg : hook.args) argv.push_back(const_cast<char*>(arg.c_str()));
  if (argv.empty()) argv.push_back(const_cast<char*>(hook.path.c_str()));
  argv.push_back(nullptr);
  for (const auto& variable : hook.env) env.push_back(const_cast<char*>(variable.c_str()));
  env.push_back(nullptr);
  // Its own process group, so that the timeout reaches what it started as well.
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (!directory.empty()) (void)!::chdir(directory.c_str());
  // What the runtime's caller has left open is nothing of a hook's; startContainer runs in the container.
  ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  if (::dup2(input, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
      ::dup2(output, STDERR_FILENO) >= 0 && ::dup2(problem, 3) >= 0 && ::fcntl(3, F_SETFD, FD_CLOEXEC) == 0) {
    // A startContainer hook is looked for in the image: no link there is to lead through a directory of the
    // host's that is open here (CVE-2024-21626).
    ::close_range(4, UINT_MAX, 0);
    problem = 3;
    ::execve(hook.path.c_str(), argv.data(), env.data());
  }
  const int why = errno;
  (void)!::write(problem, &why, sizeof why);
  ::_exit(127);
}

long long now_ms() {
  timespec ts{};
  ::clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000LL + ts.tv_nsec / 1'000'000;
}

// Feeds the state, gathers the output, and waits for the end or the deadline. True when the hook ended by
// itself.
bool attend(const UniqueFd& pidfd, UniqueFd input, const UniqueFd& output, std::string_view state,
            std::string& said, std::optional<int> timeout) {
  const long long deadline = timeout ? now_ms() + *timeout * 1000LL : 0;
  for (;;) {
    pollfd fds[3] = {{pidfd.get(), POLLIN, 0}, {output.get(), POLLIN, 0}, {input.get(), POLLOUT, 0}};
    const long long left = timeout ? std::max(0LL, deadline - now_ms()) : -1;
    const int ready = ::poll(fds, 3, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw system_error("poll");
    if (ready == 0) return false;
    if (fds[1].revents != 0) {
      char buffer[1024];
      const ssize_t got = ::read(output.get(), buffer, sizeof buffer);
      if (got > 0) {
        said.append(buffer, static_cast<std::size_t>(got));
        if (said.size() > most_output) said.erase(0, said.size() - most_output);
        continue;
      }
    }
    if (fds[2].revents != 0) {
      const ssize_t wrote = ::write(input.get(), state.data(), state.size());
      if (wrote > 0) state.remove_prefix(static_cast<std::size_t>(wrote));
      // A hook need not read its state.
      if ((wrote < 0 && errno != EAGAIN && errno != EINTR) || state.empty()) input.reset();
    }
    // Not until its output ends: what it leaves behind in the background may hold the pipe for ever.
    if (fds[0].revents != 0) return true;
  }
}

void run_hook(const spec::Hook& hook, const std::string& state_json, const std::string& directory) {
  Pipe input, output, problem;
  const auto child = sys::clone_process(0);
  if (child.pid == 0) {
    become_hook(hook, input.reader.get(), output.writer.get(), problem.writer.get(), directory);
  }
  Defer reap([&] {
    ::kill(-child.pid, SIGKILL);
    sys::send_signal(child.pidfd.get(), SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
  });
  input.reader.reset();
  output.writer.reset();
  problem.writer.reset();
  int why = 0;
  if (::read(problem.reader.get(), &why, sizeof why) == static_cast<ssize_t>(sizeof why)) {
    throw system_error(hook.path, why);
  }
  ::fcntl(input.writer.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(output.reader.get(), F_SETFL, O_NONBLOCK);
  std::string said;
  if (!attend(child.pidfd, std::move(input.writer), output.reader, state_json, said, hook.timeout)) {
    throw Error(cat(hook.path, ": did not end within its timeout of ", *hook.timeout, " s, killed"));
  }
  const int status = sys::wait_child(child.pid);
  reap.dismiss();
  if (status == 0) return;
  const std::string output_text = said.empty() ? "" : cat(", it said: ", printable(trim(said), most_output));
  throw Error(status > 128 ? cat(hook.path, ": killed by signal ", status - 128, output_text)
                           : cat(hook.path, ": exit status ", status, output_text));
}

}  // namespace

void run_hooks(const std::vector<spec::Hook>& hooks, const char* kind, const std::string& state_json,
               const std::string& directory) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    with_context([&] { return cat("config.json: /hooks/", kind, "/", i); },
                 [&] { run_hook(hooks[i], state_json, directory); });
  }
}

void run_hooks_to_the_end(const std::vector<spec::Hook>& hooks, const char* kind,
                          const std::string& state_json, const std::string& directory) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    try {
      run_hook(hooks[i], state_json, directory);
    } catch (const Error& error) {
      log::warn(cat("config.json: /hooks/", kind, "/", i, ": ", error.what()));
    }
  }
}

}  // namespace rocker
