// Waiting for what the kernel has to say about a container's memory (cgroup-v1/memory.rst, "OOM Control" and
// "Memory Pressure"; cgroup-v2.rst, "memory.events"; accounting/psi.rst).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rocker-runc/cgroup/group.hh"
#include "rocker-runc/cgroup/manager.hh"
#include "spec/support/fd.hh"

namespace rocker::cgroup {

// Tells of every OOM in a container's group: poll(2) fd() for POLLIN, then take().
class OomWatch {
 public:
  // Throws when the container has no memory controller.
  explicit OomWatch(const Saved& saved);

  int fd() const { return event_.get(); }

  struct Events {
    std::uint64_t oom = 0;  // since the last call: v1: times out of memory; v2: processes killed
    bool gone = false;      // the group is removed, or (v2) has no process any more
  };
  Events take();

 private:
  bool v2_ = false;
  Group group_;
  UniqueFd event_;    // v1: an eventfd; v2: inotify
  UniqueFd control_;  // v1: memory.oom_control, which has to stay open
  std::uint64_t seen_ = 0;
};

// Tells that memory is getting short, by "low", "medium" or "critical". poll(2) fd() for events(), then
// take().
class PressureWatch {
 public:
  // Throws when the kernel has nothing to tell it with.
  PressureWatch(const Saved& saved, std::string_view level);

  int fd() const { return event_.get(); }
  short events() const;
  void take() const;

 private:
  bool v2_ = false;
  UniqueFd event_;    // v1: an eventfd; v2: memory.pressure with a trigger in it
  UniqueFd control_;  // v1: memory.pressure_level
};

}  // namespace rocker::cgroup
