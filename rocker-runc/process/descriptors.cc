#include "rocker-runc/process/descriptors.hh"

#include <fcntl.h>

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

}  // namespace rocker::process
