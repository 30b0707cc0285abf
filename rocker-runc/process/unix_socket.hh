// AF_UNIX stream sockets that somebody else listens on: the console socket, the seccomp agent's.
#pragma once

#include <string>
#include <string_view>

#include "spec/support/fd.hh"

namespace rocker::process {

// Connects to a listening socket by a path of any length (sun_path ends at 107 bytes). Throws.
UniqueFd connect_unix_stream(const std::string& path);

// All of payload, the descriptor with its first byte (SCM_RIGHTS). A peer that is gone is an Error, no
// SIGPIPE.
void send_with_fd(int socket, std::string_view payload, int fd);

// The descriptor that comes with the next bytes; the bytes themselves are dropped. Throws when none comes.
UniqueFd receive_fd(int socket);

}  // namespace rocker::process
