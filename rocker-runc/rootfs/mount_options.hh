// The option strings of a mount (config.md, "Linux mount options").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rocker::rootfs {

struct MountOptions {
  bool bind = false;       // bind or rbind
  bool recursive = false;  // rbind
  bool remount = false;
  bool copy_up = false;  // tmpcopyup
  enum class IdMap { none, here, recursive } idmap = IdMap::none;

  // MOUNT_ATTR_* to set and to clear on the mount; the second pair on everything below as well (rro, rnosuid
  // ...).
  std::uint64_t set = 0, clear = 0;
  std::uint64_t recursive_set = 0, recursive_clear = 0;

  // Propagation changes in the order of the options: MS_SHARED and the like, | MS_REC.
  std::vector<unsigned long> propagation;

  // What the file system itself is told: "sync", "size=64m" ...
  std::vector<std::string> filesystem;

  bool readonly() const;
};

// Never throws for an option that is not known: that one is the file system's business, unless mount(8)
// itself takes it ("noauto", "x-systemd.automount" ...), in which case it is dropped as mount(8) does.
MountOptions parse_mount_options(const std::vector<std::string>& options);

// Every option that is understood here, for `features`.
std::vector<std::string> known_mount_options();

}  // namespace rocker::rootfs
