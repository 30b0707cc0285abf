// What the drivers have in common. Included by them only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-runc/cgroup/group.hh"
#include "rocker-runc/cgroup/manager.hh"

namespace rocker::cgroup {

// The request, checked once: `relative` is the path of the group below a hierarchy's mount point, without a
// leading
// "/". Empty: below the runtime's own group, by the container's ID (config-linux.md, "Cgroups Path": "the
// runtime MAY define the default cgroups path"; runc's choice, so that limits on the caller hold for its
// containers). Throws for a path with ".." in it, or the root itself.
std::string checked_cgroups_path(const std::string& cgroups_path);

// A path given to `exec --cgroup`, below the container's own group.
std::string checked_sub_cgroup(std::string_view path);

// Signals that are no SIGKILL with cgroup.kill: freezes so that nothing forks away in between, signals all,
// thaws.
void signal_all(Manager& manager, int signal);

// How long the kernel has to let go of processes that were killed.
inline constexpr int remove_deadline_ms = 5000;
// The same for the half-made init of a start that crashed; in the group of another container it is in vain.
inline constexpr int crash_deadline_ms = 2000;

// The end of an update of files: the device rules, if there are new ones, and what the caller does last; when
// that throws, the rules are those of before.
void finish_update(const spec::Resources& resources, const Manager::Update& how,
                   const std::function<void(const std::vector<spec::DeviceRule>&)>& set_devices);

// config-linux.md, "Control groups": a group with processes in it is no new container's.
Error in_use(const Group& group);

// Errors of a user who may not do it: for rootless containers they are none.
bool is_permission_error(int errno_value);

// Makes the groups of the request at these paths, some of which systemd has made already, with a process in
// them.
std::unique_ptr<Manager> adopt_v1(const Saved& saved, const Request& request);
std::unique_ptr<Manager> adopt_v2(const Saved& saved, const Request& request);

std::unique_ptr<Manager> plan_systemd(const Request& request);
std::unique_ptr<Manager> load_systemd(const Saved& saved);
std::unique_ptr<Manager> plan_v1(const Request& request);
std::unique_ptr<Manager> plan_v2(const Request& request);
std::unique_ptr<Manager> load_v1(const Saved& saved);
std::unique_ptr<Manager> load_v2(const Saved& saved);

}  // namespace rocker::cgroup
