// socket-end - the other end of the sockets that a runtime talks to, and what comes out of them on standard
// output.
//
//   socket-end console PATH [TEXT]   takes one terminal, types TEXT, then copies what the terminal says to
//   its end socket-end pidfd PATH            takes one pidfd, prints the pid that it stands for socket-end
//   notify PATH           prints the datagrams that come; "@NAME" is an abstract one socket-end send PATH
//   TEXT        sends a datagram
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

[[noreturn]] void die(const char* what) {
  perror(what);
  exit(1);
}

socklen_t fill(sockaddr_un& address, const char* path) {
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) exit(2);
  strcpy(address.sun_path, path);
  if (path[0] != '@') return sizeof address;
  address.sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(path));
}

int receive_fd(const char* path, char* name, std::size_t size) {
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  const socklen_t length = fill(address, path);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), length) < 0 || listen(listener, 1) < 0)
    die(path);
  const int connection = accept(listener, nullptr, nullptr);
  if (connection < 0) die("accept");
  union {
    char space[CMSG_SPACE(sizeof(int))];
    cmsghdr align;
  } control{};
  iovec part{name, size - 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.space;
  message.msg_controllen = sizeof control.space;
  const ssize_t got = recvmsg(connection, &message, 0);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got < 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS) die("recvmsg");
  name[got] = '\0';
  int fd = -1;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int serve_console(const char* path, const char* text) {
  char name[4096];
  const int master = receive_fd(path, name, sizeof name);
  printf("name=%s tty=%d\n", name, isatty(master));
  fflush(stdout);
  if (text != nullptr && write(master, text, strlen(text)) < 0) die("write");
  char buffer[4096];
  ssize_t got = 0;
  // EIO: nobody has the other side open any more.
  while ((got = read(master, buffer, sizeof buffer)) > 0) {
    if (write(STDOUT_FILENO, buffer, static_cast<std::size_t>(got)) < 0) die("stdout");
  }
  return 0;
}

int show_pidfd(const char* path) {
  char name[4096];
  const int pidfd = receive_fd(path, name, sizeof name);
  char info[64];
  snprintf(info, sizeof info, "/proc/self/fdinfo/%d", pidfd);
  FILE* file = fopen(info, "re");
  if (file == nullptr) die(info);
  char line[256];
  while (fgets(line, sizeof line, file) != nullptr) {
    if (strncmp(line, "Pid:", 4) == 0) printf("%ld\n", strtol(line + 4, nullptr, 10));
  }
  fclose(file);
  return 0;
}

int listen_notify(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  const socklen_t length = fill(address, path);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) < 0) die(path);
  char buffer[4096];
  for (;;) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got < 0) die("recv");
    if (write(STDOUT_FILENO, buffer, static_cast<std::size_t>(got)) < 0) die("stdout");
  }
}

int send_text(const char* path, const char* text) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  const socklen_t length = fill(address, path);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (sendto(fd, text, strlen(text), 0, to, length) < 0) die(path);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  if (strcmp(what, "console") == 0) return serve_console(argv[2], argc > 3 ? argv[3] : nullptr);
  if (strcmp(what, "pidfd") == 0) return show_pidfd(argv[2]);
  if (strcmp(what, "notify") == 0) return listen_notify(argv[2]);
  if (strcmp(what, "send") == 0 && argc > 3) return send_text(argv[2], argv[3]);
  fprintf(stderr, "socket-end: console PATH [TEXT] | pidfd PATH | notify PATH | send PATH TEXT\n");
  return 2;
}
