#include "spec/support/file.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <memory>
#include <vector>

#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

UniqueFd open_at(int dir_fd, const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) throw system_error(cat("open ", path));
  return fd;
}

std::size_t read_up_to(int fd, char* at, std::size_t size, std::string_view name) {
  std::size_t used = 0;
  while (used < size) {
    const ssize_t got = ::read(fd, at + used, size - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(cat("read ", name));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  return used;
}

std::string read_all(int fd, std::string_view name, std::size_t most) {
  const auto check = [&](std::size_t used) {
    if (used > most) throw Error(cat(name, ": larger than ", most, " bytes, the most that is read"));
  };
  // Most files are small: nothing is allocated for more than they hold.
  char first[8192];
  std::size_t used = read_up_to(fd, first, sizeof first, name);
  check(used);
  std::string text(first, used);
  if (used < sizeof first) return text;
  do {
    text.resize(used * 2);
    used += read_up_to(fd, text.data() + used, text.size() - used, name);
    check(used);
  } while (used == text.size());
  text.resize(used);
  return text;
}

std::optional<std::string> read_file_if_exists(int dir_fd, const std::string& path, std::size_t most) {
  UniqueFd fd(::openat(dir_fd, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error(cat("open ", path));
  }
  return read_all(fd.get(), path, most);
}

std::string read_file(const std::string& path, std::size_t most) {
  return read_all(open_path(path, O_RDONLY).get(), path, most);
}

void write_all(int fd, std::string_view data, std::string_view name) {
  while (!data.empty()) {
    const ssize_t wrote = ::write(fd, data.data(), data.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw system_error(cat("write ", name));
    data.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void write_existing(int dir_fd, const std::string& path, std::string_view data) {
  const UniqueFd fd = open_at(dir_fd, path, O_WRONLY);
  if (::write(fd.get(), data.data(), data.size()) < 0) {
    throw system_error(cat("write \"", printable(trim(data)), "\" to ", path));
  }
}

void replace_file(int dir_fd, const std::string& name, std::string_view data, mode_t mode, bool durable) {
  const std::string part = cat(name, ".", ::getpid(), ".tmp");
  const UniqueFd fd = open_at(dir_fd, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
  Defer undo([&] { ::unlinkat(dir_fd, part.c_str(), 0); });
  write_all(fd.get(), data, part);
  if (::fchmod(fd.get(), mode) < 0) throw system_error(cat("chmod ", part));
  if (durable && ::fsync(fd.get()) < 0) throw system_error(cat("fsync ", part));
  if (::renameat(dir_fd, part.c_str(), dir_fd, name.c_str()) < 0) throw system_error(cat("rename ", part));
  undo.dismiss();
}

// False when what it is in is not there.
static bool make_directory(const std::string& dir, mode_t mode) {
  if (::mkdir(dir.c_str(), mode) == 0) {
    if (::chmod(dir.c_str(), mode) < 0) throw system_error(cat("chmod ", dir));
  } else if (errno == ENOENT) {
    return false;
  } else if (errno != EEXIST) {
    // A read-only file system says EROFS for a directory that is there.
    struct stat st {};
    const int why = errno;
    if (::stat(dir.c_str(), &st) < 0 || !S_ISDIR(st.st_mode)) throw system_error(cat("mkdir ", dir), why);
  }
  return true;
}

void make_directories(const std::string& path, mode_t mode) {
  // Most of the time all but the last are there.
  if (make_directory(path, mode)) return;
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    const std::string dir = path.substr(0, end);
    if (!make_directory(dir, mode)) throw system_error(cat("mkdir ", dir), ENOENT);
  }
}

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

// An open directory on the way down. The descent is a loop and not a recursion, so that a tree made a
// million levels deep by somebody else can't use up the stack; descriptors are bounded by reopening "..".
Directory open_directory(int dir_fd, const char* name) {
  int fd = ::openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == EACCES) {
    // Its owner's all the same: a user may have made it without r or x. Not by its name, which could be a
    // link by now.
    const UniqueFd handle(::openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (handle && ::chmod(cat("/proc/self/fd/", handle.get()).c_str(), 0700) == 0)
      fd = ::openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    else
      errno = EACCES;
  }
  if (fd < 0) return nullptr;
  return Directory(::fdopendir(fd));
}

// unlinkat(2) in a directory that may be its owner's without w.
bool unlink_in(int dir_fd, const char* name, int flags) {
  if (::unlinkat(dir_fd, name, flags) == 0) return true;
  if (errno != EACCES) return false;
  if (::fchmod(dir_fd, 0700) == 0) return ::unlinkat(dir_fd, name, flags) == 0;
  errno = EACCES;
  return false;
}

}  // namespace

void remove_tree(int dir_fd, const std::string& name) {
  struct stat top {};
  if (::fstatat(dir_fd, name.c_str(), &top, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return;
    throw system_error(cat("stat ", name));
  }
  if (!S_ISDIR(top.st_mode)) {
    if (::unlinkat(dir_fd, name.c_str(), 0) < 0 && errno != ENOENT) throw system_error(cat("remove ", name));
    return;
  }
  std::vector<std::string> path{name};
  Directory here = open_directory(dir_fd, name.c_str());
  if (!here) throw system_error(cat("open ", name));
  for (;;) {
    std::string down;
    ::rewinddir(here.get());
    while (const dirent* entry = ::readdir(here.get())) {
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      const int fd = ::dirfd(here.get());
      if (entry->d_type != DT_DIR && unlink_in(fd, entry->d_name, 0)) continue;
      if (entry->d_type != DT_DIR && errno == ENOENT) continue;
      if (entry->d_type != DT_DIR && errno != EISDIR) throw system_error(cat("remove ", entry->d_name));
      if (unlink_in(fd, entry->d_name, AT_REMOVEDIR)) continue;
      if (errno == ENOENT) continue;
      if (errno != ENOTEMPTY && errno != EEXIST) throw system_error(cat("remove ", entry->d_name));
      struct stat st {};
      if (::fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        throw system_error(cat("stat ", entry->d_name));
      }
      if (st.st_dev != top.st_dev) {
        throw Error(cat("remove ", entry->d_name, ": another file system is mounted there"), EBUSY);
      }
      down = entry->d_name;
      break;
    }
    if (!down.empty()) {
      Directory next = open_directory(::dirfd(here.get()), down.c_str());
      if (!next) throw system_error(cat("open ", down));
      path.push_back(std::move(down));
      here = std::move(next);
      continue;
    }
    if (path.size() == 1) break;
    Directory up = open_directory(::dirfd(here.get()), "..");
    if (!up) throw system_error("open ..");
    if (!unlink_in(::dirfd(up.get()), path.back().c_str(), AT_REMOVEDIR) && errno != ENOENT) {
      throw system_error(cat("remove ", path.back()));
    }
    path.pop_back();
    here = std::move(up);
  }
  here.reset();
  if (::unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
    throw system_error(cat("remove ", name));
  }
}

std::string absolute_path(std::string_view path) {
  std::string whole;
  if (!path.starts_with('/')) {
    char cwd[PATH_MAX];
    if (::getcwd(cwd, sizeof cwd) == nullptr) throw system_error("getcwd");
    whole = cat(cwd, "/");
  }
  whole += path;
  std::vector<std::string_view> kept;
  for (const auto part : split(whole, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.push_back(part);
    }
  }
  std::string out;
  for (const auto part : kept) out += cat("/", part);
  return out.empty() ? "/" : out;
}

std::size_t share_of_descriptors(std::size_t most) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) throw system_error("getrlimit RLIMIT_NOFILE");
  return std::clamp<std::size_t>(limit.rlim_cur / 4, 1, most);
}

}  // namespace rocker
