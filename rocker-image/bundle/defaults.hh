// What every container gets unless its options say otherwise: podman's and docker's defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

inline constexpr std::uint64_t default_shm_size = 64 << 20;  // bytes
inline constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// /proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys and /sys/fs/cgroup.
std::vector<spec::Mount> default_mounts(std::uint64_t shm_size, bool privileged);

// Files of procfs and sysfs that tell or do something to the host.
std::vector<std::string> default_masked_paths();
std::vector<std::string> default_readonly_paths();

}  // namespace rocker::bundle
