#include "rocker-image/closed.hh"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "spec/support/defer.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// Others who are at it open the file, or close it again, within microseconds.
constexpr int most_tries = 1000;

std::string link_of(int fd) {
  return cat("/proc/self/fd/", fd);
}

}  // namespace

long with_owner_bits(int fd, mode_t bits, int lock, const std::function<long()>& attempt) {
  const std::string link = link_of(fd);
  // Nor does a signal leave the file open to its owner.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const Defer unmask([&] { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); });
  if (lock >= 0) ::flock(lock, LOCK_EX);
  const Defer unlock([&] {
    const int why = errno;
    if (lock >= 0) ::flock(lock, LOCK_UN);
    errno = why;
  });
  for (int tries = 0; tries < most_tries; ++tries) {
    struct stat st {};
    if (::fstat(fd, &st) < 0) return -1;
    const mode_t mode = st.st_mode & 07777;
    // chmod(2) takes the set-group-ID bit away from a file of a group that is not the caller's.
    const bool mine = st.st_uid == ::geteuid() && ((mode & S_ISGID) == 0 || st.st_gid == ::getegid());
    // Whoever sees the bits there has not put them there, and leaves them to him who has.
    const bool add = (mode & bits) != bits;
    if (add && (!mine || ::chmod(link.c_str(), mode | bits) < 0)) break;
    const long result = attempt();
    const int why = errno;
    if (add) ::chmod(link.c_str(), mode);
    errno = why;
    if (result >= 0 || why != EACCES || !mine) return result;
    ::sched_yield();
  }
  errno = EACCES;
  return -1;
}

UniqueFd reopen_closed(int handle, int flags, int lock) {
  const std::string link = link_of(handle);
  const auto attempt = [&] { return ::open(link.c_str(), (flags & ~O_NOFOLLOW) | O_CLOEXEC); };
  const int fd = attempt();
  if (fd >= 0 || errno != EACCES) return UniqueFd(fd);
  return UniqueFd(static_cast<int>(with_owner_bits(handle, S_IRUSR, lock, attempt)));
}

UniqueFd open_closed(int dir_fd, const char* name, int flags, int lock) {
  const auto open = [&](int how) { return ::openat(dir_fd, name, how | O_NOFOLLOW | O_CLOEXEC); };
  const int fd = open(flags);
  if (fd >= 0 || errno != EACCES) return UniqueFd(fd);
  UniqueFd handle(open(O_PATH));
  if (!handle && errno == EACCES) {
    handle.reset(static_cast<int>(with_owner_bits(dir_fd, S_IXUSR, lock, [&] { return open(O_PATH); })));
  }
  if (!handle || (flags & O_PATH) != 0) return handle;
  return reopen_closed(handle.get(), flags, lock);
}

}  // namespace rocker
