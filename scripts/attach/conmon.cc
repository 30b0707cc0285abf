#include "scripts/attach/conmon.hh"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::attach {

namespace {

UniqueFd open_pid_of(int directory, const char* name) {
  long long pid = 0;
  const auto text = read_file_if_exists(directory, name, 64);
  if (!text || !parse_number(trim(*text), pid)) return UniqueFd();
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
}

}  // namespace

Conmon::Conmon(const std::string& directory)
    : directory_(open_path(directory, O_PATH | O_DIRECTORY)),
      status_(open_at(directory_.get(), "status", O_RDONLY)),
      monitor_(open_pid_of(directory_.get(), "conmon.pid")),
      process_(open_pid_of(directory_.get(), "pid")) {
  if (!monitor_)
    throw Error("the container has no monitor to attach to: conmon is gone")
        .hint("rocker logs shows what it has written");
}

std::string Conmon::in_directory(const char* name) const {
  // Short, however deep the store lies: a socket's path has room for 107 characters (unix(7)).
  return cat("/proc/self/fd/", directory_.get(), "/", name);
}

UniqueFd Conmon::connect() const {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("socket");
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, in_directory("attach").c_str(), sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) < 0) {
    throw system_error("connect to conmon");
  }
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) < 0) throw system_error("fcntl");
  return socket;
}

void Conmon::resize(unsigned short rows, unsigned short columns) const {
  const UniqueFd fd(::open(in_directory("ctl").c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return;  // conmon is ending
  const std::string command = cat("1 ", rows, " ", columns, "\n");
  [[maybe_unused]] const ssize_t wrote = ::write(fd.get(), command.data(), command.size());
}

void Conmon::signal(int number) const {
  if (process_) ::syscall(SYS_pidfd_send_signal, process_.get(), number, nullptr, 0);
}

bool Conmon::process_gone() const {
  struct pollfd poll_fd {
    process_.get(), POLLIN, 0
  };
  return !process_ || ::poll(&poll_fd, 1, 0) > 0;
}

std::optional<Conmon::End> Conmon::end() const {
  const std::string text = read_all(status_.get(), "status", 64);
  const auto words = split(trim(text), ' ');
  long long code = 0;
  if (!parse_number(words[0], code) || code < 0) return std::nullopt;
  return End{static_cast<int>(code), words.size() > 1};
}

}  // namespace rocker::attach
