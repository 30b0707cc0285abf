#include "rocker-runc/process/home.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/passwd.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

constexpr std::size_t most_of_passwd = 16u << 20;

// Looked at before it is opened, for to open a device can be to use it; opened by the host's own procfs, for
// the container's may be anything.
std::string passwd(int proc_fd) {
  const UniqueFd place(::open("/etc/passwd", O_PATH | O_CLOEXEC));
  struct stat st {};
  if (!place || ::fstat(place.get(), &st) < 0 || !S_ISREG(st.st_mode)) return "";
  const UniqueFd fd(::openat(proc_fd, cat("self/fd/", place.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return "";
  try {
    return read_all(fd.get(), "/etc/passwd", most_of_passwd);
  } catch (const Error&) {
    return "";  // too long, or not readable: no reason not to start the container
  }
}

}  // namespace

std::string home_of(uid_t uid, int proc_fd) {
  const auto entry = find_in_passwd(passwd(proc_fd), [&](const PasswdEntry& e) { return e.uid == uid; });
  return entry && !entry->home.empty() ? entry->home : "/";
}

}  // namespace rocker::process
