// Files, whole: reading, writing, replacing. All of these throw Error with the path in the message.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "spec/support/fd.hh"

namespace rocker {

// open(2), always O_CLOEXEC. dir_fd may be AT_FDCWD.
UniqueFd open_at(int dir_fd, const std::string& path, int flags, mode_t mode = 0);
inline UniqueFd open_path(const std::string& path, int flags, mode_t mode = 0) {
  return open_at(-100 /* AT_FDCWD */, path, flags, mode);
}

// Fills `at` as far as there is something to read, and returns how much that is: less than `size` only at the
// end. `name` is for messages.
std::size_t read_up_to(int fd, char* at, std::size_t size, std::string_view name);

// Everything that is left to read; an error when it is more than `most` bytes. `name` is for messages.
std::string read_all(int fd, std::string_view name, std::size_t most);

// The whole of a file; nothing when it does not exist.
std::optional<std::string> read_file_if_exists(int dir_fd, const std::string& path, std::size_t most);
std::string read_file(const std::string& path, std::size_t most);

// All of data to fd, however many calls it takes.
void write_all(int fd, std::string_view data, std::string_view name);

// One write(2) to a file that exists, as files of procfs, sysfs and cgroupfs want it.
void write_existing(int dir_fd, const std::string& path, std::string_view data);

// A new file, or a new content for an old one, that is there whole or not at all, also after a crash of the
// program: written beside it, then renamed. With `durable` also after a crash of the machine (fsync).
void replace_file(int dir_fd, const std::string& name, std::string_view data, mode_t mode,
                  bool durable = false);

// mkdir -p, of a path that the caller trusts. Directories that are made get the mode, whatever the umask.
void make_directories(const std::string& path, mode_t mode);

// Removes a tree, never following a symbolic link and never leaving the file system that it starts on, also
// one whose directories are the caller's but closed to him. A name that does not exist is no error.
void remove_tree(int dir_fd, const std::string& name);

// path without "", "." and ".." parts, made absolute against the working directory; links are not resolved.
std::string absolute_path(std::string_view path);

// How many descriptors one of several users of a program may keep open: `most`, or a quarter of what
// RLIMIT_NOFILE (getrlimit(2)) allows where that is less.
std::size_t share_of_descriptors(std::size_t most);

}  // namespace rocker
