#include "spec/support/lock.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

static bool lock_fd(int fd, FileLock::Mode mode, bool wait, const std::string& name) {
  struct flock request {};
  request.l_type = mode == FileLock::Mode::shared ? F_RDLCK : F_WRLCK;
  request.l_whence = SEEK_SET;
  while (::fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &request) < 0) {
    if (errno == EINTR) continue;
    if (!wait && (errno == EAGAIN || errno == EACCES)) return false;
    throw system_error(cat("lock ", name));
  }
  return true;
}

// Whoever held the lock may have removed the file: then what we hold is a lock on nothing that a later
// process could meet, and it has to be taken anew.
static bool still_named(int fd, int dir_fd, const std::string& name) {
  struct stat held {
  }, named{};
  return ::fstat(fd, &held) == 0 && ::fstatat(dir_fd, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static UniqueFd acquire(int dir_fd, const std::string& name, FileLock::Mode mode, bool wait) {
  for (;;) {
    UniqueFd fd = open_at(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!lock_fd(fd.get(), mode, wait, name)) return UniqueFd();
    if (still_named(fd.get(), dir_fd, name)) return fd;
  }
}

FileLock FileLock::wait(int dir_fd, const std::string& name, Mode mode) {
  return FileLock(acquire(dir_fd, name, mode, true));
}

FileLock FileLock::share(int dir_fd, const std::string& name) {
  UniqueFd fd = open_at(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  lock_fd(fd.get(), Mode::shared, true, name);
  return FileLock(std::move(fd));
}

bool FileLock::is_held(int dir_fd, const std::string& name) {
  const UniqueFd fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ELOOP) return false;
    throw system_error(cat("open ", name));
  }
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_OFD_GETLK, &request) < 0) throw system_error(cat("lock ", name));
  return request.l_type != F_UNLCK;
}

FileLock FileLock::attempt(int dir_fd, const std::string& name, Mode mode) {
  return FileLock(acquire(dir_fd, name, mode, false));
}

}  // namespace rocker
