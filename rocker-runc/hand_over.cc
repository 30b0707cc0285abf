#include "rocker-runc/hand_over.hh"

#include <fcntl.h>

#include "rocker-runc/process/unix_socket.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"

namespace rocker {

void write_pid_file(const std::string& path, pid_t pid) {
  with_context([] { return std::string("--pid-file"); },
               [&] { replace_file(AT_FDCWD, path, std::to_string(pid), 0644); });
}

void send_pidfd(const std::string& socket_path, int pidfd) {
  with_context(
      [] { return std::string("--pidfd-socket"); },
      [&] { process::send_with_fd(process::connect_unix_stream(socket_path).get(), "pidfd", pidfd); });
}

}  // namespace rocker
