#include "spec/support/standard_streams.hh"

#include <fcntl.h>
#include <unistd.h>

namespace rocker {

void open_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // It gets the lowest number that is free. Programs that we start inherit it.
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDONLY);
  }
}

}  // namespace rocker
