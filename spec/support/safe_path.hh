// Paths inside a root that somebody else has filled: a tar, a rootfs, a container. They are resolved by the
// kernel with openat2(2), so that no symbolic link, "..", or race leads out of the root.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "spec/support/fd.hh"

namespace rocker {

// Opens path as a process chrooted to root_fd would see it (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS).
// `flags` are those of open(2); with O_NOFOLLOW the last component may be a symbolic link only together with
// O_PATH. Throws; or gives an invalid fd and sets errno by the `try_` form.
UniqueFd open_in_root(int root_fd, std::string_view path, int flags, mode_t mode = 0);
UniqueFd try_open_in_root(int root_fd, std::string_view path, int flags, mode_t mode = 0);

// A regular file for reading. Anything else is never opened, for to open a device can be to use it (a
// watchdog starts), and a FIFO waits: an invalid fd, and errno is ENODEV.
UniqueFd try_open_regular_in_root(int root_fd, std::string_view path);

// mkdir -p inside the root. Links on the way are resolved inside it, also those whose target is missing; a
// missing part is made with the mode and owned by uid:gid as the caller's file system ids have it. Returns
// the last directory, opened O_PATH.
UniqueFd make_directories_in_root(int root_fd, std::string_view path, mode_t mode);

// What is at the path, whatever it is, opened O_PATH; an empty file, with its directories, when nothing is.
UniqueFd make_file_in_root(int root_fd, std::string_view path, mode_t mode);

// Opens the parent of path inside the root (making it, when asked to) and gives the last component, on which
// the caller then works with the *at calls and O_NOFOLLOW. path must not be the root itself.
struct Parent {
  UniqueFd dir;
  std::string name;
};
Parent open_parent_in_root(int root_fd, std::string_view path, bool make, mode_t mode = 0755);

}  // namespace rocker
