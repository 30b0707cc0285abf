// --health-cmd: a loop of its own for one run of a container, started by the shell, which ends with it.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rocker-image/verbs/verbs.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

// Runs the command in the container; false when it fails or takes longer than its time.
bool check_once(const Room& room, const Facts& facts) {
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("fork");
  if (pid == 0) {
    const std::string program = runtime(), run = room.registry.run_directory();
    ::execl(program.c_str(), program.c_str(), "--root", run.c_str(), "exec", facts.id.c_str(), "/bin/sh",
            "-c", facts.check.command.c_str(), nullptr);
    ::_exit(127);
  }
  const std::int64_t until = now_ns() + static_cast<std::int64_t>(facts.check.timeout) * 1'000'000'000;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    constexpr int milliseconds = 20;
    ::poll(nullptr, 0, milliseconds);
    if (now_ns() < until) continue;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    return false;
  }
  return status == 0;
}

}  // namespace

int health(const Room& room, Args args) {
  const Facts first = find(room, args[0]);
  unsigned failures = 0;
  for (;;) {
    // Its end is seen at once, not after the interval.
    const UniqueFd process = open_process(room.registry, first);
    if (!process || wait_gone(process.get(),
                              static_cast<int>(std::min<std::uint64_t>(first.check.interval, 86'400) * 1000)))
      return 0;
    const bool good = check_once(room, first);
    const FileLock lock = room.registry.lock(first.id);
    Facts facts = room.registry.load(first.id);
    // Another run of it has a loop of its own.
    if (facts.started_ns != first.started_ns || facts.finished_ns != 0) return 0;
    const bool young =
        now_ns() - facts.started_ns < static_cast<std::int64_t>(first.check.start_period) * 1'000'000'000;
    failures = good ? 0 : young && facts.health == "starting" ? 0 : failures + 1;
    const std::string before = facts.health;
    if (good) facts.health = "healthy";
    if (failures >= first.check.retries) facts.health = "unhealthy";
    if (facts.health != before) room.registry.save(facts);
  }
}

}  // namespace rocker::verbs
