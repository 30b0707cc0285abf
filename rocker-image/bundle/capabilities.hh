// Which capabilities a container's process gets.
#pragma once

#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

// The default ones, with --cap-add and --cap-drop ("SYS_ADMIN", "cap_sys_admin", "ALL") or all of them for
// --privileged. A user other than root has none at hand but those that were added by name: the rest only
// bounds what a set-user-ID program may get. Throws Error for a name that is no capability.
spec::Capabilities choose_capabilities(const std::vector<std::string>& add,
                                       const std::vector<std::string>& drop, bool privileged, uid_t uid);

}  // namespace rocker::bundle
