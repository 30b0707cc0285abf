#pragma once

#include <string>

namespace rocker::rootfs {

// True for an option that mount(8) keeps for itself and never hands to the kernel: "noauto", "_netdev",
// "user", "x-systemd.automount", "comment=..." Asks libmount, which is loaded (dlopen) only for an option
// that has no "=" and is none of the file systems' common ones, so that an ordinary start never loads it.
// Without the library: the "x-" and "X-" names only.
bool is_userspace_option(const std::string& option);

}  // namespace rocker::rootfs
