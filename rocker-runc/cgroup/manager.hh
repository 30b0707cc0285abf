// The one face of control groups (config-linux.md, "Control groups"). Behind it: v1 and hybrid hosts (v1.cc),
// the unified hierarchy (v2.cc), and systemd, which makes the group on our behalf (systemd.cc). Which one is
// at work is found out once, by statfs(2) of the mount points, never by parsing mountinfo.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-runc/cgroup/sub_cgroup.hh"
#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker::cgroup {

struct Stats;  // stats.hh

enum class Driver { cgroupfs, systemd };

// What a container's cgroup is made from.
struct Request {
  std::string container_id;
  std::string cgroups_path;                      // linux.cgroupsPath, empty when there is none
  const spec::Resources* resources = nullptr;    // linux.resources, null when there are none
  const spec::StringMap* annotations = nullptr;  // for org.systemd.property.*
  Driver driver = Driver::cgroupfs;
  bool rootless = false;       // what may not be made or written is then no error
  std::optional<uid_t> owner;  // v2: give it to this host uid ("Cgroup ownership")
};

// What the state of a container keeps about its cgroups, so that later commands need not work it out again.
struct Saved {
  Driver driver = Driver::cgroupfs;
  bool rootless = false;
  bool pending = false;  // nothing is made or claimed yet: what is at `paths` may be another's
  std::string scope;     // systemd: the unit's name
  std::map<std::string, std::string> paths;  // hierarchy ("memory", "unified") -> absolute path of the group
};

// A hierarchy as a container sees it below /sys/fs/cgroup, for the `cgroup` mount type.
struct Hierarchy {
  std::string name;                  // of the directory: "memory", "cpu,cpuacct", "unified"; empty on pure v2
  std::vector<std::string> aliases;  // links to it, as hosts have them: "cpu" -> "cpu,cpuacct"
  std::string mount_point;           // on the host
  std::string mount_options;         // v1: what mount(2) wants as data: "memory", "none,name=systemd"
  std::string group;  // the container's group, relative to the mount point, without a leading "/"
  bool v2 = false;
};

class Manager {
 public:
  virtual ~Manager() = default;

  // For a container that is to be made: works out where its group will be; makes nothing.
  // Throws for a cgroupsPath that is not valid for the driver.
  static std::unique_ptr<Manager> plan(const Request& request);
  // For a container that exists.
  static std::unique_ptr<Manager> load(const Saved& saved);

  // Makes the groups, with the controllers they need enabled down the path, and sets the limits of the
  // request. What was made is removed again when it throws. The group must be empty and not frozen when it
  // exists.
  virtual void create() = 0;

  // v2: an open descriptor of the group for CLONE_INTO_CGROUP, after which the child is where it belongs;
  // else -1, and the child has to get in by entry() or by join(). The clone fails with EBUSY when the
  // container has made groups of its own below: then join().
  virtual int birth_fd() const { return -1; }

  // The fastest way in for a child that is yet to be cloned: CLONE_INTO_CGROUP with `birth_fd` (unless -1),
  // and then, while it has one thread, the child calls enter() with `tasks`. By writing "0" to v1's `tasks`
  // files it moves itself, which needs no lock on its thread group, while a write from outside (join) waits
  // for an RCU grace period of the whole machine: 6 to 18 ms against 0.1 ms for all hierarchies of a hybrid
  // host. Nothing when `possible` is false (the systemd driver, as long as there is no scope): then join().
  // The manager owns the descriptors.
  struct Entry {
    bool possible = false;
    int birth_fd = -1;
    std::vector<int> tasks = {};
  };
  virtual Entry entry() const = 0;

  // Moves a process (with all its threads) into the groups; with `sub_cgroups` into those below them (exec
  // --cgroup), which must exist. `beside`: the container's init; when a group can hold no processes any more
  // (v2, "no internal processes"), the pid joins the group that this process is in now, as runc does it.
  // The systemd driver: when the scope does not exist yet, starts it with the pid.
  virtual void join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) = 0;
  void join(pid_t pid) { join(pid, SubCgroups(), 0); }

  struct Update {
    // The device rules that hold until now, for resources that have new ones.
    std::vector<spec::DeviceRule> devices_before = {};
    // Unless it is null: called when all is written, and part of the whole.
    std::function<void()> last = nullptr;
  };
  // Changes limits. What the kernel refuses is an Error with the file, the value and what it takes. An update
  // is whole or not at all: what was written before the refusal is put back. No device rules are no update of
  // them, and a zero is "unset" for the members where engines send it so (limit, shares ...).
  virtual void update(const spec::Resources& resources, const Update& how) = 0;

  virtual void freeze() = 0;
  virtual void thaw() = 0;
  virtual bool frozen() const = 0;

  // Signals every process of the groups below as well. SIGKILL: cgroup.kill where the kernel has it, else
  // frozen, killed and thawed, so that nothing can fork away.
  virtual void kill_all(int signal) = 0;

  // The processes in the group and below, as pids of the caller's namespace.
  virtual std::vector<pid_t> processes() const = 0;

  virtual Stats stats() const = 0;

  // How often the kernel has killed for memory in this group so far (memory.events oom_kill; v1:
  // oom_control).
  virtual std::uint64_t oom_kills() const = 0;

  // Removes the groups, those below first. Waits a bounded time for the kernel to let go of dying processes.
  virtual void remove() = 0;
  virtual bool exists() const = 0;

  virtual std::vector<Hierarchy> hierarchies() const = 0;
  virtual Saved saved() const = 0;
};

// For the child, while it has one thread: moves it into the groups of Entry::tasks. Throws.
void enter(const Manager::Entry& entry);

}  // namespace rocker::cgroup
