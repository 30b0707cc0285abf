#include "rocker-runc/start_gate.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr char socket_name[] = "start.sock";

// A path below /proc/self/fd: sun_path holds 107 bytes, and a container's directory can be longer.
sockaddr_un address(int directory_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory_fd, socket_name);
  return address;
}

UniqueFd make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("socket");
  return fd;
}

UniqueFd try_connect(int directory_fd) {
  UniqueFd fd = make_socket();
  const sockaddr_un to = address(directory_fd);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) fd.reset();
  return fd;
}

}  // namespace

UniqueFd StartGate::listen(int container_directory_fd) {
  UniqueFd fd = make_socket();
  const sockaddr_un at = address(container_directory_fd);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0)
    throw system_error("bind start.sock");
  if (::listen(fd.get(), 16) < 0) throw system_error("listen on start.sock");
  return fd;
}

Channel StartGate::wait(int listen_fd) {
  for (;;) {
    UniqueFd fd(::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      throw system_error("accept on start.sock");
    }
    Channel channel(std::move(fd));
    // Who only looks whether we wait connects and goes away again.
    const auto packet = channel.receive();
    if (packet && packet->message == Message::start) return channel;
  }
}

Channel StartGate::open(int container_directory_fd) {
  UniqueFd fd = try_connect(container_directory_fd);
  if (!fd) throw system_error("connect to start.sock");
  Channel channel(std::move(fd));
  channel.send(Message::start);
  return channel;
}

bool StartGate::is_waiting(int container_directory_fd) {
  if (::faccessat(container_directory_fd, socket_name, F_OK, 0) < 0) return false;
  return static_cast<bool>(try_connect(container_directory_fd));
}

void StartGate::remove(int container_directory_fd) {
  ::unlinkat(container_directory_fd, socket_name, 0);
}

}  // namespace rocker
