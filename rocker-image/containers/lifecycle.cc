#include "rocker-image/containers/lifecycle.hh"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/bundle/rootfs.hh"
#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/joined.hh"
#include "rocker-image/containers/restart.hh"
#include "rocker-image/containers/volumes.hh"
#include "spec/support/defer.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/wait.hh"

extern char** environ;

namespace rocker::containers {

namespace {

// Files of one run, which the next must not take for its own.
constexpr const char* run_files[] = {"pid",     "check.pid", "check.lock", "conmon.pid", "sync",
                                     "attach",  "ctl",       "winsz",      "exit",       "oom",
                                     "persist", "deleting",  status_file};

// The shell that goes on to start the container when we have said how: it may have asked in a subshell.
pid_t our_shell() {
  const char* text = std::getenv("ROCKER_STARTER");
  long long pid = 0;
  return text != nullptr && parse_number(text, pid) && pid > 0 && birth_of(static_cast<pid_t>(pid)) != 0
             ? static_cast<pid_t>(pid)
             : ::getppid();
}

// RUNTIME --root DIR VERB ...; its errors are none of the user's.
void run_runtime(const std::vector<const char*>& words) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (!log::enabled(log::Level::debug))
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, words[0], &actions, nullptr, const_cast<char**>(words.data()), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return log::warn(system_error(cat("start ", words[0]), error).what());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) log::debug(cat(words[0], " ", words[3], ": status ", status));
}

// The runtime's own clean-up: kills what is left in the cgroup, removes it and the state. It may know nothing
// of the container any more.
void runtime_delete(const Room& room, const std::string& id, const std::string& runtime) {
  if (runtime.empty()) return;
  const std::string run = room.registry.run_directory();
  if (::access(cat(run, "/", id).c_str(), F_OK) != 0) return;
  // The poststop hook of a container that nobody watches is ours, and would wait for the lock that we hold.
  const std::string mark = cat(room.registry.directory(id), "/deleting");
  open_path(mark, O_WRONLY | O_CREAT, 0600);
  Defer unmark([&] { ::unlink(mark.c_str()); });
  run_runtime({runtime.c_str(), "--root", run.c_str(), "delete", "--force", id.c_str(), nullptr});
}

void clear_run_files(const std::string& dir) {
  for (const char* name : run_files) remove_tree(AT_FDCWD, cat(dir, "/", name));
}

std::optional<int> read_exit_code(const std::string& dir, const std::string& id) {
  const auto text = read_file_if_exists(AT_FDCWD, cat(dir, "/exit/", id), 64);
  long long code = 0;
  if (!text || !parse_number(trim(*text), code)) return std::nullopt;
  return static_cast<int>(code);
}

void write_status(const std::string& dir, const Facts& facts) {
  const UniqueFd fd(::open(cat(dir, "/", status_file).c_str(), O_WRONLY | O_CLOEXEC));
  if (fd)
    write_all(fd.get(), cat(facts.exit_code.value_or(-1), facts.oom_killed ? " oom" : "", "\n"), status_file);
}

void remove_locked(const Room& room, const Facts& facts, bool volumes) {
  const std::string dir = room.registry.directory(facts.id);
  bundle::unmount_rootfs(dir);
  try {
    bundle::unmake(room.store, dir);
  } catch (const Error& error) {
    // Somebody has cleaned up by hand, or it was never a bundle.
    if (error.errno_value() != ENOENT && !facts.incomplete) throw;
  }
  if (volumes || facts.remove) {
    for (const auto& name : facts.anonymous_volumes) remove_volume(room.registry, name, facts.id);
  }
  room.registry.forget(facts);
  // The runtime's folder of this store goes with its last container; it stays when there are others.
  ::rmdir(room.registry.run_directory().c_str());
  note_event(room.registry.root(), "destroy", facts);
}

}  // namespace

bool restarts(const Facts& facts) {
  const pid_t starter = our_shell();
  return facts.restarter == starter && birth_of(starter) == facts.restarter_born;
}

void begin(const Room& room, Facts& facts) {
  const std::string dir = room.registry.directory(facts.id);
  const FileLock lock = room.registry.lock(facts.id);
  facts = room.registry.load(facts.id);
  if (facts.incomplete) {
    throw Error(cat("container ", facts.name, " is not complete: what made it was killed"))
        .hint(cat("remove it (rocker rm ", facts.name, ") and make it again"));
  }
  const Live live = look(room.registry, facts);
  const pid_t starter = our_shell();
  const bool again = restarts(facts);
  if (again && facts.stopped_by_user) throw Error(cat("container ", facts.name, " was stopped"));
  // The same shell starts one after another: what it began before is done.
  const bool begun = live.status == Status::starting && facts.starter != starter;
  const bool others = live.status == Status::restarting && !again;
  if (live.status == Status::running || live.status == Status::paused || begun || others) {
    throw Error(cat("container ", facts.name, " is ", name(live.status), " already"));
  }
  rejoin(room.registry, facts);
  // What the runtime still knows of a run whose end nobody could note down.
  if (const char* runtime = std::getenv("ROCKER_RUNTIME")) runtime_delete(room, facts.id, runtime);
  bundle::unmount_rootfs(dir);
  clear_run_files(dir);
  make_directories(cat(dir, "/exit"), 0700);
  make_directories(cat(dir, "/persist"), 0700);
  if (!facts.direct && ::mkfifo(cat(dir, "/sync").c_str(), 0600) < 0)
    throw system_error(cat("mkfifo ", dir, "/sync"));
  open_path(cat(dir, "/", status_file), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  make_directories(room.registry.run_directory(), 0700);
  bundle::mount(room.store, dir, facts.remove);
  facts.started_ns = now_ns();
  facts.finished_ns = 0;
  facts.exit_code_before = again ? facts.exit_code : std::nullopt;
  facts.exit_code.reset();
  if (!again) facts.restarter = 0, facts.restart_count = 0;
  facts.error.clear();
  facts.oom_killed = facts.stopped_by_user = false;
  facts.health = facts.check.command.empty() ? "" : "starting";
  facts.failing_streak = 0;
  facts.health_log.clear();
  facts.starter = starter;
  facts.starter_born = birth_of(starter);
  room.registry.save(facts);
  note_event(room.registry.root(), "start", facts);
}

void failed(const Room& room, Facts& facts, const std::string& reason, int exit_code) {
  const FileLock lock = room.registry.lock(facts.id);
  facts = room.registry.load(facts.id);
  facts.error = reason;
  facts.exit_code = exit_code;
  facts.finished_ns = now_ns();
  facts.starter = facts.restarter = 0;
  const std::string dir = room.registry.directory(facts.id);
  write_status(dir, facts);
  if (facts.remove) return remove_locked(room, facts, true);
  bundle::unmount_rootfs(dir);
  room.registry.save(facts);
}

End ended(const Room& room, const std::string& id, const std::string& runtime, std::optional<int> exit_code,
          bool by_policy) {
  End end;
  const std::string dir = room.registry.directory(id);
  // Called as the hook of a runtime that another command has told to delete the container: that one does the
  // rest.
  if (runtime.empty() && ::access(cat(dir, "/deleting").c_str(), F_OK) == 0) return end;
  const FileLock lock = room.registry.lock(id);
  Facts& facts = end.facts;
  facts = room.registry.load(id);
  runtime_delete(room, id, runtime);
  if (look(room.registry, facts).pid != 0) throw Error(cat("container ", facts.name, " is still running"));
  // It never began, and failed() has noted down why.
  if (!facts.error.empty() && facts.finished_ns >= facts.started_ns) return end;
  facts.exit_code = exit_code ? exit_code : read_exit_code(dir, id);
  facts.oom_killed =
      ::access(cat(dir, "/oom").c_str(), F_OK) == 0 || ::access(cat(dir, "/persist/oom").c_str(), F_OK) == 0;
  facts.finished_ns = now_ns();
  facts.starter = facts.restarter = 0;
  facts.health.clear();
  bundle::unmount_rootfs(dir);
  end.restart = by_policy && wants_restart(facts);
  if (end.restart) {
    // docker: 100 ms, doubled each time up to a minute, and from the beginning for one that ran ten seconds.
    constexpr std::int64_t long_enough = 10'000'000'000;
    if (facts.finished_ns - facts.started_ns > long_enough && facts.restart != "on-failure")
      facts.restart_count = 0;
    end.delay = std::min(60'000U, 100U << std::min(facts.restart_count, 10U));
    ++facts.restart_count;
    facts.restarter = ::getpid();
    facts.restarter_born = birth_of(facts.restarter);
  }
  if (facts.oom_killed) note_event(room.registry.root(), "oom", facts);
  note_event(room.registry.root(), "die", facts);
  write_status(dir, facts);
  if (facts.remove) {
    remove_locked(room, facts, true);
  } else {
    room.registry.save(facts);
  }
  return end;
}

Facts wait_for_end(const Room& room, const Facts& given, const std::string& runtime) {
  Facts facts = given;
  if (look(room.registry, facts).status == Status::restarting) {
    // Who waits to start it is gone when it runs, or is stopped.
    const UniqueFd starter = open_pid(facts.restarter);
    if (starter && birth_of(facts.restarter) == facts.restarter_born) wait_gone(starter.get(), -1);
    if (::access(room.registry.directory(facts.id).c_str(), F_OK) != 0) return facts;
    facts = room.registry.load(facts.id);
  }
  // The descriptor outlives the folder of a container that is removed at its end.
  const std::string dir = room.registry.directory(facts.id);
  const UniqueFd status(::open(cat(dir, "/", status_file).c_str(), O_RDONLY | O_CLOEXEC));
  if (const UniqueFd process = open_process(room.registry, facts)) wait_gone(process.get(), -1);
  if (const UniqueFd monitor = open_monitor(room.registry, facts)) {
    // Of one that is started again the monitor lives until that is done.
    constexpr int milliseconds = 50;
    while (!wait_gone(monitor.get(), facts.restart == "no" ? -1 : milliseconds) &&
           look_anew(room.registry, facts.id).status != Status::restarting) {
    }
  }
  Facts result = facts;
  if (status) {
    const std::string text = read_all(status.get(), status_file, 64);
    long long code = -1;
    if (!text.empty()) {
      const auto words = split(trim(text), ' ');
      parse_number(words[0], code);
      if (code >= 0) result.exit_code = static_cast<int>(code);
      result.oom_killed = words.size() > 1;
      return result;
    }
  }
  if (::access(dir.c_str(), F_OK) != 0) return result;
  result = room.registry.load(facts.id);
  // Neither process nor monitor, and nobody has noted the end down: a reboot, or somebody killed the monitor.
  if (result.started_ns != 0 && result.finished_ns == 0 &&
      look(room.registry, result).status == Status::exited) {
    return ended(room, facts.id, runtime).facts;
  }
  return result;
}

// Also one that the runtime has made, and that its starter has not yet let go. Killed then, it would be one
// that could not be started.
static bool being_started(const Room& room, const std::string& id) {
  try {
    const Facts facts = room.registry.load(id);
    const Live live = look(room.registry, facts);
    return live.status == Status::starting ||
           (live.status == Status::restarting && facts.starter == facts.restarter) ||
           (live.pid != 0 && facts.starter != 0 && birth_of(facts.starter) == facts.starter_born &&
            ::access(cat(room.registry.run_directory(), "/", id, "/start.sock").c_str(), F_OK) == 0);
  } catch (const Error&) {
    return false;  // gone, or broken: what comes says so
  }
}

void thaw(const Room& room, const Facts& facts, const std::string& runtime) {
  if (look(room.registry, facts).status != Status::paused) return;
  const std::string run = room.registry.run_directory();
  run_runtime({runtime.c_str(), "--root", run.c_str(), "resume", facts.id.c_str(), nullptr});
}

void stop(const Room& room, Facts& facts, std::optional<int> timeout, const std::string& runtime,
          std::string_view signal, Notes notes) {
  constexpr int start_ms = 10'000;
  wait_until(start_ms, [&] { return !being_started(room, facts.id); });
  try {
    FileLock lock = room.registry.lock(facts.id);
    if (being_started(room, facts.id)) {  // begun in between
      lock = FileLock();
      wait_until(start_ms, [&] { return !being_started(room, facts.id); });
      lock = room.registry.lock(facts.id);
    }
    facts = room.registry.load(facts.id);
    const UniqueFd restarter = open_restarter(room.registry, facts);
    facts.stopped_by_user = true;
    room.registry.save(facts);
    // It would find out, but only after its delay, and be there until then.
    if (restarter) send_signal(restarter.get(), SIGKILL, "who starts it again");
  } catch (const Error&) {
    // It has ended by itself, and --rm has taken it away: stopped is what it was to be.
    if (::access(cat(room.registry.directory(facts.id), "/container.json").c_str(), F_OK) != 0) return;
    throw;
  }
  constexpr int default_timeout = 10;
  const UniqueFd process = open_process(room.registry, facts);
  if (process) {
    const auto send = [&](int number) {
      send_signal(process.get(), number, cat("container ", facts.name));
      note_event(room.registry.root(), "kill", facts, {{"signal", cat(number)}});
      // A frozen process acts on no signal, nor does it die of one on cgroup v1.
      thaw(room, facts, runtime);
    };
    const int seconds = timeout.value_or(facts.stop_timeout.value_or(default_timeout));
    if (seconds != 0) send(bundle::signal_number(signal.empty() ? facts.stop_signal : signal));
    if (!wait_gone(process.get(), seconds < 0 ? -1 : std::min(seconds, INT_MAX / 1000) * 1000)) send(SIGKILL);
  }
  facts = wait_for_end(room, facts, runtime);
  if (notes == Notes::stop) note_event(room.registry.root(), "stop", facts);
}

static void remove_present(const Room& room, const std::string& id, bool force, bool volumes,
                           const std::string& runtime) {
  const std::string dir = room.registry.directory(id);
  Facts facts;
  try {
    facts = room.registry.load(id);
  } catch (const Error&) {
    if (!force) throw;
    // Without container.json there is no name and no volume; what is there goes all the same.
    const FileLock lock = room.registry.lock(id);
    facts.id = id;
    facts.incomplete = true;
    runtime_delete(room, id, runtime);
    return remove_locked(room, facts, false);
  }
  // Somebody else may start it whenever we have not got the lock.
  for (int attempts = 10; attempts > 0; --attempts) {
    const Live live = settle(room.registry, facts);
    if (is_up(live)) {
      if (!force) {
        throw Error(cat("container ", facts.name, " is ", name(live.status)))
            .hint(cat("stop it first (rocker stop ", facts.name, "), or 'rocker rm -f ", facts.name, "'"));
      }
      stop(room, facts, 0, runtime, {}, Notes::kill);
      if (::access(dir.c_str(), F_OK) != 0) return;
    }
    const FileLock lock = room.registry.lock(id);
    if (room.registry.was_removed(id)) return;
    facts = room.registry.load(id);
    if (is_up(look(room.registry, facts))) continue;
    runtime_delete(room, id, runtime);
    return remove_locked(room, facts, volumes);
  }
  throw Error(cat("container ", facts.name, " is started again and again"));
}

bool remove(const Room& room, const std::string& id, bool force, bool volumes, const std::string& runtime) {
  const auto is_there = [&] { return ::access(room.registry.directory(id).c_str(), F_OK) == 0; };
  if (!is_there()) return false;
  try {
    remove_present(room, id, force, volumes, runtime);
    return true;
  } catch (const Error& error) {
    // Another command has been faster: its folder, and what we looked for in it, went while we looked.
    const bool missing = error.errno_value() == 0 || error.errno_value() == ENOENT;
    if (!missing || is_there()) throw;
    return false;
  }
}

}  // namespace rocker::containers
