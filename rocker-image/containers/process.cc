#include "rocker-image/containers/process.hh"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

namespace {

constexpr std::size_t most = 64 << 10;

std::string read_small(const std::string& path) {
  try {
    return read_file_if_exists(AT_FDCWD, path, most).value_or("");
  } catch (const Error&) {
    return {};  // ESRCH: it has just ended
  }
}

pid_t read_pid(const std::string& path) {
  long long pid = 0;
  return parse_number(trim(read_small(path)), pid) && pid > 0 && pid <= INT32_MAX ? static_cast<pid_t>(pid)
                                                                                  : 0;
}

// The process's own cgroup names the container; one that has moved itself elsewhere still has the container's
// root.
bool belongs_to(pid_t pid, const std::string& cgroups, const Registry& registry, const std::string& id) {
  if (cgroups.find(id) != std::string::npos) return true;
  struct stat root {
  }, bundle{};
  return ::stat(cat("/proc/", pid, "/root").c_str(), &root) == 0 &&
         ::stat(cat(registry.directory(id), "/rootfs").c_str(), &bundle) == 0 &&
         root.st_dev == bundle.st_dev && root.st_ino == bundle.st_ino;
}

bool is_zombie(pid_t pid) {
  const std::string stat = read_small(cat("/proc/", pid, "/stat"));
  // The name in parentheses may have anything in it.
  const auto end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() || stat[end + 2] == 'Z' || stat[end + 2] == 'X';
}

// cgroups(7): the freezer of v1, or v2's cgroup.freeze.
bool is_frozen(const std::string& cgroups) {
  for (const auto line : split(cgroups, '\n')) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const auto path = line.substr(parts[0].size() + parts[1].size() + 2);
    if (parts[1] == "freezer")
      return read_small(cat("/sys/fs/cgroup/freezer", path, "/freezer.state")).starts_with("FROZEN");
    if (parts[0] == "0" && parts[1].empty() &&
        (read_small(cat("/sys/fs/cgroup", path, "/cgroup.freeze")).starts_with("1") ||
         read_small(cat("/sys/fs/cgroup/unified", path, "/cgroup.freeze")).starts_with("1"))) {
      return true;
    }
  }
  return false;
}

// One that was killed is believed no more, though nobody may have taken note of its death yet.
bool has_restarter(const Facts& facts) {
  return facts.restarter != 0 && !facts.stopped_by_user &&
         birth_of(facts.restarter) == facts.restarter_born && !is_zombie(facts.restarter);
}

}  // namespace

std::string_view name(Status status) {
  switch (status) {
    case Status::created: return "created";
    case Status::starting: return "starting";
    case Status::running: return "running";
    case Status::paused: return "paused";
    case Status::restarting: return "restarting";
    case Status::exited: return "exited";
    case Status::dead: return "dead";
  }
  return "unknown";
}

std::int64_t birth_of(pid_t pid) {
  const std::string stat = read_small(cat("/proc/", pid, "/stat"));
  const auto end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  // Field 22, of which the first behind the name is the third.
  const auto fields = split(std::string_view(stat).substr(end + 2), ' ');
  long long ticks = 0;
  return fields.size() > 19 && parse_number(fields[19], ticks) ? ticks : 0;
}

Live look(const Registry& registry, const Facts& facts) {
  Live live;
  if (facts.incomplete) {
    live.status = registry.is_wreck(facts) ? Status::dead : Status::created;
    return live;
  }
  const pid_t pid = read_pid(cat(registry.directory(facts.id), "/pid"));
  if (pid != 0) {
    const std::string cgroups = read_small(cat("/proc/", pid, "/cgroup"));
    if (!cgroups.empty() && belongs_to(pid, cgroups, registry, facts.id) && !is_zombie(pid)) {
      live.pid = pid;
      live.status = is_frozen(cgroups) ? Status::paused : Status::running;
      return live;
    }
  }
  // The runtime writes the PID when it has made the container.
  if (has_restarter(facts)) {
    live.status = Status::restarting;
  } else if (pid == 0 && facts.starter != 0 && birth_of(facts.starter) == facts.starter_born) {
    live.status = Status::starting;
  } else {
    live.status = facts.started_ns != 0 || facts.exit_code ? Status::exited : Status::created;
  }
  return live;
}

Live look_anew(const Registry& registry, const std::string& id) {
  try {
    return look(registry, registry.load(id));
  } catch (const Error&) {
    return {Status::exited};
  }
}

UniqueFd open_pid(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void send_signal(int pidfd, int number, std::string_view whom) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) < 0 && errno != ESRCH)
    throw system_error(cat("send signal ", number, " to ", whom));
}

bool is_up(const Live& live) {
  return live.pid != 0 || live.status == Status::starting || live.status == Status::restarting;
}

Live settle(const Registry& registry, Facts& facts) {
  Live live = look(registry, facts);
  for (int left = 100; left > 0 && live.status == Status::exited && facts.finished_ns == 0; --left) {
    const UniqueFd monitor = open_monitor(registry, facts);
    constexpr int milliseconds = 10;
    if (monitor) wait_gone(monitor.get(), milliseconds);
    try {
      facts = registry.load(facts.id);
    } catch (const Error&) {
      return live;  // its end was that of its folder
    }
    live = look(registry, facts);
    if (!monitor) break;
  }
  return live;
}

UniqueFd open_process(const Registry& registry, const Facts& facts) {
  const Live live = look(registry, facts);
  if (live.pid == 0) return UniqueFd();
  UniqueFd fd = open_pid(live.pid);
  // It may have ended, and its PID be another's, between the look and the open.
  if (fd && look(registry, facts).pid != live.pid) return UniqueFd();
  return fd;
}

UniqueFd open_monitor(const Registry& registry, const Facts& facts) {
  const pid_t pid = read_pid(cat(registry.directory(facts.id), "/conmon.pid"));
  if (pid == 0) return UniqueFd();
  UniqueFd fd = open_pid(pid);
  // conmon has the container's ID on its command line.
  if (!fd || read_small(cat("/proc/", pid, "/cmdline")).find(facts.id) == std::string::npos)
    return UniqueFd();
  return fd;
}

UniqueFd open_restarter(const Registry& registry, const Facts& facts) {
  if (look(registry, facts).status != Status::restarting || facts.starter == facts.restarter)
    return UniqueFd();
  UniqueFd fd = open_pid(facts.restarter);
  if (fd && birth_of(facts.restarter) != facts.restarter_born) return UniqueFd();
  return fd;
}

bool wait_gone(int pidfd, int milliseconds) {
  struct pollfd poll_fd {
    pidfd, POLLIN, 0
  };
  for (;;) {
    const int got = ::poll(&poll_fd, 1, milliseconds);
    if (got < 0 && errno == EINTR) continue;
    return got > 0;
  }
}

}  // namespace rocker::containers
