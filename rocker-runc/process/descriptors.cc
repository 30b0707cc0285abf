#include "rocker-runc/process/descriptors.hh"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

int inherited = 0;

}  // namespace

void note_inherited_descriptors() {
  while (::fcntl(3 + inherited, F_GETFD) >= 0) ++inherited;
}

void check_inherited_descriptors(int preserve) {
  if (preserve <= inherited) return;
  throw Error(cat("descriptors 3 to ", 2 + preserve, " are to be passed to the container, but ",
                  3 + inherited, " is not open"))
      .hint("--preserve-fds and LISTEN_FDS count what the caller has opened from 3 on");
}

void close_all_but(std::vector<int> keep, int preserve) {
  std::sort(keep.begin(), keep.end());
  auto next = static_cast<unsigned>(3 + preserve);
  const auto close_up_to = [&](unsigned last) {
    if (::syscall(SYS_close_range, next, last, 0) < 0) throw system_error("close_range");
  };
  for (const int fd : keep) {
    if (fd < 0 || static_cast<unsigned>(fd) < next) continue;
    if (static_cast<unsigned>(fd) > next) close_up_to(static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_up_to(UINT_MAX);
}

}  // namespace rocker::process
