#include "rocker-runc/rootfs/copy_up.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

// Deeper than any image's directory, and few enough open descriptors.
constexpr int deepest = 64;

// By /proc/self/fd, since the f*xattr calls take no O_PATH descriptor; a file system without them is no
// error.
void copy_xattrs(int from, int to) {
  char names[4096], value[65536];
  const ssize_t length = ::flistxattr(from, names, sizeof names);
  for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
    const ssize_t size = ::fgetxattr(from, names + at, value, sizeof value);
    if (size >= 0) (void)::fsetxattr(to, names + at, value, static_cast<std::size_t>(size), 0);
  }
}

void copy_metadata(int to, const struct stat& st) {
  if (::fchown(to, st.st_uid, st.st_gid) < 0) throw system_error("chown");
  if (::fchmod(to, st.st_mode & 07777) < 0) throw system_error("chmod");
  const timespec times[2] = {st.st_atim, st.st_mtim};
  if (::futimens(to, times) < 0) throw system_error("set times");
}

void copy_file(int from_dir, int to_dir, const char* name, const struct stat& st) {
  const UniqueFd from = open_at(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const UniqueFd to = open_at(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  for (;;) {
    const ssize_t sent = ::sendfile(to.get(), from.get(), nullptr, 1u << 20);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw system_error(cat("copy ", printable(name)));
    if (sent == 0) break;
  }
  copy_xattrs(from.get(), to.get());
  copy_metadata(to.get(), st);
}

void copy_link(int from_dir, int to_dir, const char* name, const struct stat& st) {
  std::string target(static_cast<std::size_t>(st.st_size) + 1, '\0');
  const ssize_t length = ::readlinkat(from_dir, name, target.data(), target.size());
  if (length < 0) throw system_error(cat("readlink ", printable(name)));
  target.resize(static_cast<std::size_t>(length));
  if (::symlinkat(target.c_str(), to_dir, name) < 0) throw system_error(cat("symlink ", printable(name)));
  if (::fchownat(to_dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0) {
    throw system_error(cat("chown ", printable(name)));
  }
}

void copy_directory(int from, int to, int depth) {
  if (depth > deepest) throw Error(cat("nested deeper than ", deepest, " directories"));
  struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const int list_fd = ::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (list_fd < 0) throw system_error("open directory");
  const std::unique_ptr<DIR, CloseDir> list(::fdopendir(list_fd));
  while (const dirent* entry = ::readdir(list.get())) {
    const char* name = entry->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    struct stat st {};
    if (::fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      throw system_error(cat("stat ", printable(name)));
    if (S_ISDIR(st.st_mode)) {
      if (::mkdirat(to, name, 0700) < 0) throw system_error(cat("mkdir ", printable(name)));
      const UniqueFd from_sub = open_at(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      const UniqueFd to_sub = open_at(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      copy_directory(from_sub.get(), to_sub.get(), depth + 1);
      copy_xattrs(from_sub.get(), to_sub.get());
      copy_metadata(to_sub.get(), st);
    } else if (S_ISREG(st.st_mode)) {
      copy_file(from, to, name, st);
    } else if (S_ISLNK(st.st_mode)) {
      copy_link(from, to, name, st);
    } else if (::mknodat(to, name, st.st_mode, st.st_rdev) < 0 ||
               ::fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0) {
      throw system_error(cat("make ", printable(name)));
    }
  }
}

}  // namespace

void copy_up(int from_fd, int to_fd) {
  const UniqueFd from = open_at(from_fd, ".", O_RDONLY | O_DIRECTORY);
  const UniqueFd to = open_at(to_fd, ".", O_RDONLY | O_DIRECTORY);
  copy_directory(from.get(), to.get(), 0);
  struct stat st {};
  if (::fstat(from.get(), &st) < 0) throw system_error("stat");
  copy_metadata(to.get(), st);
}

}  // namespace rocker::rootfs
