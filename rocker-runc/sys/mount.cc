#include "rocker-runc/sys/mount.hh"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::sys {

UniqueFd try_clone_tree(int dir_fd, const std::string& path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u) |
                         (path.empty() ? AT_EMPTY_PATH : 0u);
  return UniqueFd(static_cast<int>(::syscall(SYS_open_tree, dir_fd, path.c_str(), flags)));
}

UniqueFd clone_tree(int dir_fd, const std::string& path, bool recursive) {
  UniqueFd fd = try_clone_tree(dir_fd, path, recursive);
  if (!fd) throw system_error(cat("bind ", path.empty() ? "mount" : path));
  return fd;
}

void set_attributes(int fd, const MountAttributes& attributes, bool recursive) {
  mount_attr attr{};
  attr.attr_set = attributes.set;
  attr.attr_clr = attributes.clear;
  attr.propagation = attributes.propagation;
  if (attributes.userns_fd >= 0) attr.userns_fd = static_cast<__u64>(attributes.userns_fd);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
  if (::syscall(SYS_mount_setattr, fd, "", flags, &attr, sizeof attr) < 0)
    throw system_error("mount_setattr");
}

void attach(int mount_fd, int target_fd) {
  if (::syscall(SYS_move_mount, mount_fd, "", target_fd, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    throw system_error("move_mount");
  }
}

NewFilesystem::NewFilesystem(const std::string& type)
    : type_(type), fd_(static_cast<int>(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC))) {
  if (fd_) return;
  const int why = errno;
  auto error = system_error(cat("file system type \"", printable(type), "\""), why);
  if (why == ENODEV) error.hint("the kernel does not know it: see /proc/filesystems, or load its module");
  if (why == EPERM) error.hint("mounting needs CAP_SYS_ADMIN");
  throw error;
}

void NewFilesystem::fail(std::string_view what, int errno_value) const {
  // Each read gives one message: "e tmpfs: Bad value for 'size'" (e is error, w warning, i information).
  std::string said;
  char line[512];
  for (ssize_t got; (got = ::read(fd_.get(), line, sizeof line)) > 0;) {
    const std::string_view text = trim(std::string_view(line, static_cast<std::size_t>(got)));
    if (text.starts_with("e ")) said = text.substr(2);
  }
  if (!said.empty()) throw Error(cat(what, ": ", printable(said)), errno_value);
  throw system_error(what, errno_value);
}

void NewFilesystem::set_source(const std::string& source) {
  if (::syscall(SYS_fsconfig, fd_.get(), FSCONFIG_SET_STRING, "source", source.c_str(), 0) < 0) {
    fail(cat("source \"", printable(source), "\""), errno);
  }
}

void NewFilesystem::set_option(std::string_view option) {
  const auto equals = option.find('=');
  const std::string key(option.substr(0, equals));
  long result = 0;
  if (equals == std::string_view::npos) {
    result = ::syscall(SYS_fsconfig, fd_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0);
  } else {
    const std::string value(option.substr(equals + 1));
    result = ::syscall(SYS_fsconfig, fd_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
  }
  if (result < 0) fail(cat("option \"", printable(option), "\""), errno);
}

UniqueFd NewFilesystem::create(std::uint64_t attributes) {
  if (::syscall(SYS_fsconfig, fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    fail(cat("mount a new ", type_), errno);
  }
  UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, fd_.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!mount) fail(cat("mount a new ", type_), errno);
  return mount;
}

void set_propagation(const char* path, unsigned long flags) {
  if (::mount(nullptr, path, nullptr, flags, nullptr) < 0) {
    throw system_error(cat("set the mount propagation of ", path));
  }
}

}  // namespace rocker::sys
