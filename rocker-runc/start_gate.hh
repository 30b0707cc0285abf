// Between `create` and `start`: init waits on a listening AF_UNIX socket in the container's directory, which
// `create` made and handed down. `start` connects and says so, and the connection then carries what goes
// wrong up to execve back to it: so `start` fails with the cause when the program does not start, and returns
// when it has (the peers' FIFO can't tell).
#pragma once

#include "rocker-runc/channel.hh"
#include "spec/support/fd.hh"

namespace rocker {

class StartGate {
 public:
  // For `create`, before the clone: makes and binds start.sock.
  static UniqueFd listen(int container_directory_fd);

  // For init: waits until somebody says start; the connection.
  static Channel wait(int listen_fd);

  // For `start`. Throws when nobody waits.
  static Channel open(int container_directory_fd);

  // For `state`: true while init waits. Its socket closes by execve, whoever has or has not removed its name.
  static bool is_waiting(int container_directory_fd);

  static void remove(int container_directory_fd);
};

}  // namespace rocker
