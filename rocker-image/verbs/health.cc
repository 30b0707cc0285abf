// The check of --health-cmd or of the image: a loop of its own for one run of a container, started by the
// shell, which ends with it. When it is killed, whoever next asks for the container's health starts it again.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "rocker-image/background.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

constexpr std::int64_t millisecond = 1'000'000;

// docker keeps as much, of so many runs.
constexpr std::size_t most_output = 4096, most_results = 5;

// What a check prints goes into a JSON file: what is no text is shown as such.
std::string as_text(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += c == '\n' || c == '\t' || (c >= ' ' && c <= '~') ? c : '?';
  return out;
}

// The process of a check that took too long; the runtime that brought it in is gone, and its end is nobody's
// to wait for.
void kill_check(const std::string& pid_file) {
  constexpr std::size_t digits = 32;
  const auto text = read_file_if_exists(AT_FDCWD, pid_file, digits);
  long long pid = 0;
  if (!text || !parse_number(trim(*text), pid) || pid <= 1) return;
  const UniqueFd process = open_pid(static_cast<pid_t>(pid));
  if (process) send_signal(process.get(), SIGKILL, "the health check");
}

// Runs the command in the container, which may take its time and no longer.
HealthResult check_once(const Room& room, const Facts& facts) {
  HealthResult result;
  result.start_ns = now_ns();
  const std::string pid_file = cat(room.registry.directory(facts.id), "/check.pid");
  ::unlink(pid_file.c_str());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw system_error("pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);

  const std::string program = runtime(), run = room.registry.run_directory();
  std::vector<const char*> argv{program.c_str(), "--root",         run.c_str(),     "exec",
                                "--pid-file",    pid_file.c_str(), facts.id.c_str()};
  for (const auto& word : facts.check.command) argv.push_back(word.c_str());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("fork");
  if (pid == 0) {
    ::dup2(writing.get(), STDOUT_FILENO);
    ::dup2(writing.get(), STDERR_FILENO);
    ::execv(program.c_str(), const_cast<char**>(argv.data()));
    ::_exit(127);
  }
  writing.reset();
  const UniqueFd process = open_pid(pid);
  if (!process) throw system_error("pidfd_open");

  const std::int64_t until = result.start_ns + static_cast<std::int64_t>(facts.check.timeout) * millisecond;
  std::string output;
  bool open = true, ended = false;
  while (!ended) {
    const std::int64_t left = (until - now_ns()) / millisecond;
    if (left <= 0) break;
    std::array<pollfd, 2> ready{{{process.get(), POLLIN, 0}, {open ? reading.get() : -1, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(std::min<std::int64_t>(left, 86'400'000))) < 0 &&
        errno != EINTR)
      throw system_error("poll");
    if (ready[1].revents != 0) {
      std::array<char, 4096> chunk{};
      const ssize_t got = ::read(reading.get(), chunk.data(), chunk.size());
      if (got <= 0) open = false;
      // What is more than is kept is read all the same, so that the check is not held up.
      if (got > 0 && output.size() < most_output)
        output.append(chunk.data(), std::min(static_cast<std::size_t>(got), most_output - output.size()));
    } else if (ready[0].revents != 0) {
      ended = true;
    }
  }
  if (!ended) {
    ::kill(pid, SIGKILL);
    kill_check(pid_file);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ::unlink(pid_file.c_str());
  result.end_ns = now_ns();
  result.exit_code = !ended ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = ended ? as_text(output)
                        : cat("Health check exceeded timeout (", facts.check.timeout, "ms)",
                              output.empty() ? "" : cat(": ", as_text(output)));
  return result;
}

bool is_young(const Facts& facts) {
  return now_ns() - facts.started_ns < static_cast<std::int64_t>(facts.check.start_period) * millisecond;
}

// docker: a failure while it is young does not count; a good one ends its youth.
void note(Facts& facts, HealthResult result) {
  const bool young = is_young(facts);
  if (result.exit_code == 0) {
    facts.failing_streak = 0;
    facts.health = "healthy";
  } else if (!young || facts.health != "starting") {
    ++facts.failing_streak;
    if (facts.failing_streak >= facts.check.retries) facts.health = "unhealthy";
  }
  facts.health_log.push_back(std::move(result));
  if (facts.health_log.size() > most_results) facts.health_log.erase(facts.health_log.begin());
}

// Held by the one loop of a run; the next run of the container has another file of that name.
constexpr const char* lock_name = "check.lock";

}  // namespace

void keep_checked(const Room& room, const Facts& facts, const Live& live) {
  if (facts.check.command.empty() || live.pid == 0) return;
  const UniqueFd dir(::open(room.registry.directory(facts.id).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // No folder: it has just ended and was removed.
  if (!dir || FileLock::is_held(dir.get(), lock_name)) return;
  go_on_in_background({"--root", room.registry.root(), "container", "health", facts.id});
}

int health(const Room& room, Args args) {
  const Facts first = find(room, args[0]);
  // The end of the terminal that the container was started from is not the end of its check.
  ::setsid();
  const UniqueFd dir = open_path(room.registry.directory(first.id), O_PATH | O_DIRECTORY);
  const FileLock only = FileLock::attempt(dir.get(), lock_name, FileLock::Mode::exclusive);
  if (!only) return 0;
  constexpr std::uint64_t longest = 86'400'000;
  std::string now = first.health;
  // One that takes over goes on where the last check was.
  std::int64_t before_ns = first.health_log.empty() ? now_ns() : first.health_log.back().end_ns;
  for (;;) {
    const bool starts = now == "starting" && first.check.start_interval != 0 && is_young(first);
    const std::uint64_t interval = starts ? first.check.start_interval : first.check.interval;
    // Its end is seen at once, not after the interval.
    const UniqueFd process = open_process(room.registry, first);
    const auto waited = (now_ns() - before_ns) / millisecond;
    const auto left = static_cast<std::int64_t>(std::min(interval, longest)) - waited;
    if (!process || wait_gone(process.get(), static_cast<int>(std::max<std::int64_t>(left, 0)))) return 0;
    before_ns = now_ns();
    // A frozen container can't answer, and is none the worse for it.
    if (look(room.registry, first).status == Status::paused) continue;
    HealthResult result = check_once(room, first);
    const FileLock lock = room.registry.lock(first.id);
    Facts facts = room.registry.load(first.id);
    // Another run of it has a loop of its own.
    if (facts.started_ns != first.started_ns || facts.finished_ns != 0) return 0;
    const std::string before = facts.health;
    before_ns = result.end_ns;
    note(facts, std::move(result));
    now = facts.health;
    room.registry.save(facts);
    if (facts.health != before) note_event(room.registry.root(), cat("health_status: ", facts.health), facts);
  }
}

}  // namespace rocker::verbs
