#include "rocker-runc/process/terminal.hh"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "rocker-runc/process/unix_socket.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

bool on_devpts(int fd) {
  struct statfs fs {};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == static_cast<decltype(fs.f_type)>(DEVPTS_SUPER_MAGIC);
}

// /dev/pts and /dev/ptmx are the container's: an image or a mount may have put anything there. A ptmx is
// taken when it is on a devpts, or when the slave that it gives is.
UniqueFd open_ptmx() {
  UniqueFd fd(::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (fd && on_devpts(fd.get())) return fd;
  fd.reset(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (fd) return fd;
  throw system_error("/process/terminal: opening /dev/ptmx in the container")
      .hint("config.json must have a mount of type devpts on /dev/pts with newinstance,ptmxmode=0666");
}

}  // namespace

Pty open_pty(const std::optional<spec::ConsoleSize>& size) {
  Pty pty;
  pty.master = open_ptmx();
  int locked = 0;
  unsigned number = 0;
  if (::ioctl(pty.master.get(), TIOCGPTN, &number) < 0 ||
      ::ioctl(pty.master.get(), TIOCSPTLCK, &locked) < 0) {
    throw system_error("/process/terminal: /dev/ptmx in the container is no pseudoterminal master");
  }
  // TIOCGPTPEER: the other end itself, whatever the container has at /dev/pts/N.
  pty.slave.reset(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.slave) throw system_error("/process/terminal: opening the slave of the pseudoterminal");
  if (!on_devpts(pty.slave.get())) {
    throw Error("/process/terminal: /dev/ptmx in the container does not belong to a devpts");
  }
  // It was only to be no trap while it was opened. Who gets the master chooses for himself.
  if (::fcntl(pty.master.get(), F_SETFL, O_RDWR) < 0) throw system_error("/process/terminal: fcntl");
  pty.slave_path = cat("/dev/pts/", number);
  if (size) {
    const winsize window{size->height, size->width, 0, 0};
    if (::ioctl(pty.slave.get(), TIOCSWINSZ, &window) < 0) throw system_error("/process/consoleSize");
  }
  return pty;
}

void make_controlling_terminal(const Pty& pty, uid_t uid, gid_t gid) {
  const int slave = pty.slave.get();
  // EPERM: we are a session leader already.
  if (::setsid() < 0 && errno != EPERM) throw system_error("/process/terminal: setsid");
  if (::ioctl(slave, TIOCSCTTY, 0) < 0) {
    throw system_error("/process/terminal: making it the controlling terminal");
  }
  // The group is the gid= of the devpts when it has one (5, tty, by custom), as runc leaves it.
  struct stat st {};
  if (::fstat(slave, &st) < 0) throw system_error("/process/terminal: fstat");
  const gid_t group = st.st_gid == getegid() ? gid : st.st_gid;
  if (st.st_uid != uid || st.st_gid != group) {
    if (::fchown(slave, uid, group) < 0)
      throw system_error(cat("/process/terminal: giving it to user ", uid));
  }
  for (int fd = 0; fd <= 2; ++fd) {
    if (::dup2(slave, fd) < 0) throw system_error("/process/terminal: dup2");
  }
}

UniqueFd connect_console_socket(const std::string& path) {
  return with_context([] { return "--console-socket"; }, [&] { return connect_unix_stream(path); });
}

void send_console(int socket, const Pty& pty) {
  with_context([] { return "sending the terminal to --console-socket"; },
               [&] { send_with_fd(socket, pty.slave_path, pty.master.get()); });
}

}  // namespace rocker::process
