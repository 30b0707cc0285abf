// The mount API of the kernel by file descriptors (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2)).
// The glibc of the oldest systems that we build on has no wrappers for all of them.
#pragma once

#include <linux/mount.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/support/fd.hh"

namespace rocker::sys {

// A private copy of what is mounted at the path, detached; with everything below it when `recursive`. With an
// empty path dir_fd itself. Invalid with errno set when it fails; the other form throws.
UniqueFd try_clone_tree(int dir_fd, const std::string& path, bool recursive);
UniqueFd clone_tree(int dir_fd, const std::string& path, bool recursive);

// mount_setattr(2) of the mount at fd. propagation is MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0.
struct MountAttributes {
  std::uint64_t set = 0, clear = 0;
  std::uint64_t propagation = 0;
  int userns_fd = -1;  // with MOUNT_ATTR_IDMAP in `set`
  bool empty() const { return set == 0 && clear == 0 && propagation == 0; }
};
void set_attributes(int fd, const MountAttributes& attributes, bool recursive);

// Attaches a detached mount at the place that target_fd (O_PATH) names.
void attach(int mount_fd, int target_fd);

// A new file system, step by step; what the kernel says about a refused option (fsopen(2)'s message log) is
// part of the Error.
class NewFilesystem {
 public:
  explicit NewFilesystem(const std::string& type);
  void set_source(const std::string& source);
  // "key=value" or "key", as in an option string of mount(8).
  void set_option(std::string_view option);
  // Gives the mount, detached. attributes are MOUNT_ATTR_*.
  UniqueFd create(std::uint64_t attributes);

 private:
  [[noreturn]] void fail(std::string_view what, int errno_value) const;
  std::string type_;
  UniqueFd fd_;
};

// mount(2) with nothing but propagation flags.
void set_propagation(const char* path, unsigned long flags);

}  // namespace rocker::sys
