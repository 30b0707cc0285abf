#include "rocker-runc/rootfs/host_device.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

bool is_device(const std::string& path, char type, dev_t number) {
  struct stat st {};
  const mode_t kind = type == 'b' ? S_IFBLK : S_IFCHR;
  return ::stat(path.c_str(), &st) == 0 && (st.st_mode & S_IFMT) == kind && st.st_rdev == number;
}

// "null" or "input/event0" for /dev/null, /dev/input/event0; empty when the kernel knows no such device.
std::string kernel_name(char type, dev_t number) {
  const auto events = read_file_if_exists(
      AT_FDCWD,
      cat("/sys/dev/", type == 'b' ? "block/" : "char/", major(number), ":", minor(number), "/uevent"),
      65536);
  for (const std::string_view line : split(events.value_or(""), '\n')) {
    if (line.starts_with("DEVNAME=")) return std::string(line.substr(8));
  }
  return "";
}

}  // namespace

std::string host_device(const std::string& path, char type, dev_t number) {
  if (is_device(path, type, number)) return path;
  if (const std::string name = kernel_name(type, number); !name.empty()) {
    std::string node = cat("/dev/", name);
    if (is_device(node, type, number)) return node;
  }
  throw Error(cat("device ", path, ": the host has no node of the device ", type, " ", major(number), ":",
                  minor(number), ", and a user namespace can't make one"));
}

}  // namespace rocker::rootfs
