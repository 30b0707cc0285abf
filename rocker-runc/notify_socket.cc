#include "rocker-runc/notify_socket.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr char inside[] = "/run/notify";
constexpr char socket_name[] = "notify.sock";

// An address of NOTIFY_SOCKET: a path, or "@name" in the abstract namespace.
bool fill(sockaddr_un& address, socklen_t& length, std::string_view path) {
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0 : 1));
  return true;
}

void tell_manager(const std::string& text) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  socklen_t length = 0;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || path == nullptr || !fill(address, length, path) ||
      ::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
               length) < 0) {
    throw system_error(cat("NOTIFY_SOCKET ", path == nullptr ? "" : printable(path)));
  }
}

}  // namespace

bool NotifySocket::prepare(const std::string& directory, spec::Config& config,
                           std::vector<std::string>& env) {
  const char* asked = std::getenv("NOTIFY_SOCKET");
  if (asked == nullptr || *asked == '\0') return false;
  if (::mkdir(directory.c_str(), 0755) < 0) throw system_error(cat("mkdir ", directory));
  if (::chmod(directory.c_str(), 0755) < 0) throw system_error(cat("chmod ", directory));
  spec::Mount mount;
  mount.destination = inside;
  mount.type = "bind";
  mount.source = directory;
  mount.options = {"bind", "nosuid", "noexec", "nodev", "ro"};
  config.mounts.push_back(std::move(mount));
  std::erase_if(env, [](const std::string& variable) { return variable.starts_with("NOTIFY_SOCKET="); });
  env.push_back(cat("NOTIFY_SOCKET=", inside, "/", socket_name));
  return true;
}

NotifySocket NotifySocket::bind(const std::string& directory) {
  const UniqueFd dir = open_path(directory, O_PATH | O_DIRECTORY);
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir.get(), socket_name);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    throw system_error(cat("bind ", directory, "/", socket_name));
  }
  // Any user of the container may be the one that is ready.
  if (::fchmodat(dir.get(), socket_name, 0777, 0) < 0) throw system_error(cat("chmod ", socket_name));
  return NotifySocket(std::move(fd));
}

bool NotifySocket::relay(pid_t main_pid) const {
  char buffer[4096];
  const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got <= 0) return false;
  for (const auto line : split(std::string_view(buffer, static_cast<std::size_t>(got)), '\n')) {
    if (line != "READY=1") continue;
    // Nothing else of the container's is passed on: it must not speak for the service manager's other
    // matters.
    tell_manager(cat("READY=1\nMAINPID=", main_pid, "\n"));
    return true;
  }
  return false;
}

void NotifySocket::wait(int pidfd, pid_t main_pid) const {
  for (;;) {
    pollfd fds[2] = {{fd_.get(), POLLIN, 0}, {pidfd, POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0) {
      if (errno == EINTR) continue;
      throw system_error("poll");
    }
    if (fds[0].revents != 0 && relay(main_pid)) return;
    if (fds[1].revents != 0) return;
  }
}

}  // namespace rocker
