#include "rocker-image/bundle/defaults.hh"

#include "spec/support/str.hh"

namespace rocker::bundle {

std::vector<spec::Mount> default_mounts(std::uint64_t shm_size, bool privileged) {
  const std::string access = privileged ? "rw" : "ro";
  // The group of /dev/pts is tty's in every distribution: 5.
  return {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}, {}, {}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}, {}, {}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
       {},
       {}},
      {"/dev/shm",
       "tmpfs",
       "shm",
       {"nosuid", "noexec", "nodev", "mode=1777", cat("size=", shm_size)},
       {},
       {}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}, {}, {}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}, {}, {}},
      {"/sys/fs/cgroup",
       "cgroup",
       "cgroup",
       {"rprivate", "nosuid", "noexec", "nodev", "relatime", access},
       {},
       {}},
  };
}

std::vector<std::string> default_masked_paths() {
  return {"/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
          "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
          "/proc/timer_list", "/proc/timer_stats",   "/sys/dev/block",    "/sys/devices/virtual/powercap",
          "/sys/firmware",    "/sys/fs/selinux"};
}

std::vector<std::string> default_readonly_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

}  // namespace rocker::bundle
