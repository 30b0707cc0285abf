// How a caller is told of a process that was made for it: --pid-file and --pidfd-socket.
#pragma once

#include <sys/types.h>

#include <string>

namespace rocker {

// Writes the pid to a file: whole or not at all.
void write_pid_file(const std::string& path, pid_t pid);

// Sends the pidfd of a process to a socket, as `--pidfd-socket` asks for.
void send_pidfd(const std::string& socket_path, int pidfd);

}  // namespace rocker
