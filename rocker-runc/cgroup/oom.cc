#include "rocker-runc/cgroup/oom.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include "rocker-runc/cgroup/detect.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// The container's group in the hierarchy with the memory controller.
Group memory_group(const Saved& saved, bool v2) {
  if (v2) {
    if (const auto path = saved.paths.find("unified"); path != saved.paths.end()) return Group(path->second);
  } else if (const Mounted* mounted = host().controller("memory")) {
    if (const auto path = saved.paths.find(mounted->name); path != saved.paths.end())
      return Group(path->second);
  }
  throw Error("the container has no group of the memory controller, so nothing tells of its OOMs")
      .hint("mount the memory controller (cgroups(7)), or give the container a cgroup of its own");
}

// v1: an eventfd that the kernel writes to when `file` has something to say.
UniqueFd register_event(const Group& group, const char* file, std::string_view arguments, UniqueFd& control) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) throw system_error("eventfd");
  control = open_at(group.fd(), file, O_RDONLY);
  group.write("cgroup.event_control",
              cat(event.get(), " ", control.get(), arguments.empty() ? "" : " ", arguments));
  return event;
}

// How often it was written to since it was last read.
std::uint64_t count_of(const UniqueFd& event) {
  std::uint64_t count = 0;
  if (::read(event.get(), &count, sizeof count) < 0 && errno != EAGAIN)
    throw system_error("read of an eventfd");
  return count;
}

}  // namespace

OomWatch::OomWatch(const Saved& saved)
    : v2_(host().mode == Host::Mode::unified), group_(memory_group(saved, v2_)) {
  if (!v2_) {
    event_ = register_event(group_, "memory.oom_control", "", control_);
    return;
  }
  event_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!event_) throw system_error("inotify_init1");
  for (const char* file : {"memory.events", "cgroup.events"}) {
    const std::string path = cat(group_.path(), "/", file);
    if (::inotify_add_watch(event_.get(), path.c_str(), IN_MODIFY | IN_DELETE_SELF) < 0) {
      Error error = system_error(cat("watch ", path));
      if (error.errno_value() == ENOENT)
        error.hint("the memory controller is not enabled for this container");
      throw error;
    }
  }
  seen_ = group_.number("memory.events", "oom_kill").value_or(0);
}

OomWatch::Events OomWatch::take() {
  Events events;
  if (!v2_) {
    events.oom = count_of(event_);
    events.gone = !group_.exists();
    if (events.gone && events.oom > 0) {
      // The removal of a group counts as one more, a moment after its name is gone.
      pollfd wait{event_.get(), POLLIN, 0};
      ::poll(&wait, 1, 2000);
      events.oom += count_of(event_) - 1;
    }
    return events;
  }
  alignas(inotify_event) char buffer[4096];
  while (::read(event_.get(), buffer, sizeof buffer) > 0) {
  }
  if (errno != EAGAIN) throw system_error("read of inotify");
  try {
    const auto count = group_.number("memory.events", "oom_kill");
    const auto populated = group_.number("cgroup.events", "populated");
    events.gone = !count || populated.value_or(0) == 0;
    if (count && *count > seen_) events.oom = *count - seen_;
    seen_ = count.value_or(seen_);
  } catch (const Error& error) {
    if (error.errno_value() != ENODEV && error.errno_value() != ENOENT) throw;
    events.gone = true;
  }
  return events;
}

PressureWatch::PressureWatch(const Saved& saved, std::string_view level)
    : v2_(host().mode == Host::Mode::unified) {
  if (level != "low" && level != "medium" && level != "critical") {
    throw Error(cat("\"", printable(level), "\" is no level of memory pressure"))
        .hint("expected low, medium or critical");
  }
  const Group group = memory_group(saved, v2_);
  if (!v2_) {
    event_ = register_event(group, "memory.pressure_level", level, control_);
    return;
  }
  // Pressure stall information has no levels, but a share of time in which some, or all, wait for memory: 5,
  // 20 and 60 percent of a second.
  const std::string_view trigger = level == "low"      ? "some 50000 1000000"
                                   : level == "medium" ? "some 200000 1000000"
                                                       : "full 600000 1000000";
  event_.reset(::openat(group.fd(), "memory.pressure", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!event_ || ::write(event_.get(), trigger.data(), trigger.size()) < 0) {
    throw group.write_error("memory.pressure", trigger, errno)
        .hint("the kernel has to be built with CONFIG_PSI and booted with psi=1");
  }
}

short PressureWatch::events() const {
  return v2_ ? POLLPRI : POLLIN;
}

void PressureWatch::take() const {
  // A trigger is done by having been polled.
  if (!v2_) count_of(event_);
}

}  // namespace rocker::cgroup
