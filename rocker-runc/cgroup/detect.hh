// Which hierarchies this host has: found out once, by statfs(2) and readdir(3) of /sys/fs/cgroup. mountinfo
// is never parsed, for it grows with the containers on the host.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rocker::cgroup {

// One mounted hierarchy.
struct Mounted {
  std::string name = {};  // its directory: "memory", "cpu,cpuacct", "unified"; empty on pure v2
  std::vector<std::string> controllers =
      {};                                 // v1: what is in the name; "name=systemd" for a named one; v2: none
  std::vector<std::string> aliases = {};  // symbolic links to the directory
  std::string mount_point;
  bool v2 = false;

  bool has(std::string_view controller) const;
  // What mount(2) wants as data.
  std::string mount_options() const;
};

struct Host {
  enum class Mode { v1, hybrid, unified };
  Mode mode = Mode::v1;
  std::vector<Mounted> hierarchies;  // sorted by name; v2 last

  const Mounted* find(std::string_view name) const;        // by directory name
  const Mounted* controller(std::string_view name) const;  // v1, by controller
  const Mounted* unified() const;                          // the v2 hierarchy, or null
};

// Throws Error when no hierarchy is mounted.
const Host& host();

// The same for another place than /sys/fs/cgroup (tests).
Host look_at(const std::string& root);

// The group of a process in each hierarchy, from /proc/PID/cgroup: keyed by controller ("memory",
// "name=systemd"), and by "" for v2. `pid` 0: the caller.
std::map<std::string, std::string, std::less<>> groups_of(pid_t pid);

}  // namespace rocker::cgroup
