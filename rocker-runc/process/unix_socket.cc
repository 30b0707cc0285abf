#include "rocker-runc/process/unix_socket.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::process {

UniqueFd connect_unix_stream(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  UniqueFd target;
  std::string name = path;
  if (name.size() >= sizeof address.sun_path) {
    // By way of the descriptor of the socket itself, whose name is short.
    target = open_path(path, O_PATH);
    name = cat("/proc/self/fd/", target.get());
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    const int error = errno;
    struct stat st {};
    if (error == ECONNREFUSED && ::stat(path.c_str(), &st) == 0) {
      if (!S_ISSOCK(st.st_mode))
        throw Error(cat("connecting to ", printable(path), ": it is no socket"), error);
      throw Error(cat("connecting to ", printable(path), ": nobody listens on it"), error);
    }
    if (error == EPROTOTYPE) {
      throw Error(cat("connecting to ", printable(path), ": it is no stream socket (SOCK_STREAM)"), error);
    }
    throw system_error(cat("connecting to ", printable(path)), error);
  }
  return fd;
}

void send_with_fd(int socket, std::string_view payload, int fd) {
  union {
    char space[CMSG_SPACE(sizeof(int))];
    cmsghdr align;
  } control{};
  iovec part{const_cast<char*>(payload.data()), payload.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.space;
  message.msg_controllen = sizeof control.space;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  while (part.iov_len > 0) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      throw system_error("sending a file descriptor");
    }
    part.iov_base = static_cast<char*>(part.iov_base) + sent;
    part.iov_len -= static_cast<std::size_t>(sent);
    message.msg_control = nullptr;
    message.msg_controllen = 0;
  }
}

UniqueFd receive_fd(int socket) {
  union {
    char space[CMSG_SPACE(sizeof(int))];
    cmsghdr align;
  } control{};
  char payload[256];
  iovec part{payload, sizeof payload};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.space;
  message.msg_controllen = sizeof control.space;
  ssize_t got = 0;
  while ((got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (got < 0) throw system_error("receiving a descriptor");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
    throw Error("no descriptor came where one was expected");
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace rocker::process
