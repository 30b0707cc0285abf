// Controllers of the unified hierarchy, enabled down the path to a group (cgroups(7), "Enabling and disabling
// controllers").
#pragma once

#include <string>
#include <vector>

#include "rocker-runc/cgroup/group.hh"

namespace rocker::cgroup {

// Enables controllers in every group from the mount point down to the one above `group`. With `all` whatever
// the host has, so that the group can be statted and updated later; else only what is `needed`. Throws when
// one of `needed` can't be had, with the name of the group that does not hand it down and why, and for a
// group that is threaded while a needed controller works for whole processes only. `made` tells that the
// group is new (and may be made a threaded one, when its parent is).
void enable_controllers(const std::string& mount_point, const Group& group,
                        const std::vector<std::string>& needed, bool all, bool made);

}  // namespace rocker::cgroup
