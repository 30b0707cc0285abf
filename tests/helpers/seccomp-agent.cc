// seccomp-agent - the other end of linux.seccomp.listenerPath (config-linux.md, "The Container Process
// State").
//
//   seccomp-agent SOCKET STATE_FILE ERRNO
//
// Listens, prints "listening", takes one container process state and writes its JSON to STATE_FILE; then lets
// every system call that it is notified of fail with ERRNO (or go on, when that is 0), and ends with the
// container.
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int fail(const char* what) {
  fprintf(stderr, "seccomp-agent: %s: %s\n", what, strerror(errno));
  return 1;
}

// All of the connection: the descriptor comes with the first bytes.
int receive(int connection, std::string& text) {
  int listener = -1;
  for (;;) {
    char buffer[4096];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 4)];
    iovec part{buffer, sizeof buffer};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return -1;
    if (got == 0) return listener;
    text.append(buffer, static_cast<std::size_t>(got));
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message);
        header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      memcpy(&listener, CMSG_DATA(header), sizeof listener);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(server, 1) < 0) {
    return fail("listening");
  }
  printf("listening\n");
  fflush(stdout);
  const int connection = accept(server, nullptr, nullptr);
  std::string text;
  const int listener = receive(connection, text);
  if (listener < 0) return fail("receiving the listener");
  FILE* state = fopen(argv[2], "w");
  if (state == nullptr) return fail(argv[2]);
  fwrite(text.data(), 1, text.size(), state);
  fclose(state);

  for (;;) {
    pollfd ready{listener, POLLIN, 0};
    if (poll(&ready, 1, -1) < 0) return fail("poll");
    if (ready.revents & POLLHUP) return 0;
    // The kernel wants it zeroed, and its structures may be longer than ours.
    alignas(seccomp_notif) char request_bytes[1024]{};
    auto* request = reinterpret_cast<seccomp_notif*>(request_bytes);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) < 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      return fail("SECCOMP_IOCTL_NOTIF_RECV");
    }
    alignas(seccomp_notif_resp) char response_bytes[1024]{};
    auto* response = reinterpret_cast<seccomp_notif_resp*>(response_bytes);
    response->id = request->id;
    const int error = atoi(argv[3]);
    response->error = -error;
    if (error == 0) response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) < 0 && errno != ENOENT) {
      return fail("SECCOMP_IOCTL_NOTIF_SEND");
    }
  }
}
