// The terminal of a container (rocker-runc/process/terminal.hh). The container is a child with a pty of this
// machine's /dev/pts, the caller's terminal another pty whose master the test holds.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "rocker-runc/process/terminal.hh"
#include "rocker-runc/process/unix_socket.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

// The program in the container: fn has the pty as its terminal.
pid_t start(process::Pty& pty, const std::function<void()>& fn) {
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      process::make_controlling_terminal(pty, getuid(), getgid());
      pty = {};
      close_range(3, ~0u, 0);  // of the test: an end of a pipe that stays open is no end of file
      fn();
    } catch (...) {
      _exit(99);
    }
    _exit(0);
  }
  pty.slave.reset();
  return pid;
}

// The loop of a foreground run, until the process has ended or `enough` says so.
void relay(
    process::TerminalRelay& relay, pid_t pid, const std::function<bool()>& enough = [] { return false; }) {
  for (int round = 0; round < 100000; ++round) {
    pollfd ready[2] = {{relay.master_fd(), POLLIN, 0}, {relay.input_fd(), POLLIN, 0}};
    poll(ready, 2, 20);
    if (ready[0].revents) relay.on_master();
    if (ready[1].revents) relay.on_input();
    if (enough()) return;
    if (pid > 0 && waitpid(pid, nullptr, WNOHANG) == pid) break;
  }
  relay.drain();
}

std::string read_now(int fd) {
  std::string text(1 << 20, '\0');
  const ssize_t got = read(fd, text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

void say(std::string_view text) {
  write_all(1, text, "stdout");
}

struct Pipe {
  UniqueFd out, in;
  Pipe() {
    int ends[2];
    cr_assert(pipe2(ends, O_CLOEXEC) == 0);
    out.reset(ends[0]), in.reset(ends[1]);
  }
};

}  // namespace

Test(terminal, a_pty_has_its_size_and_name) {
  const process::Pty pty = process::open_pty(spec::ConsoleSize{25, 81});
  winsize size{};
  cr_assert(ioctl(pty.slave.get(), TIOCGWINSZ, &size) == 0);
  cr_expect(size.ws_row == 25 && size.ws_col == 81);
  struct stat by_name {
  }, by_fd{};
  cr_assert(stat(pty.slave_path.c_str(), &by_name) == 0 && fstat(pty.slave.get(), &by_fd) == 0);
  cr_expect(by_name.st_rdev == by_fd.st_rdev);
  cr_expect(fcntl(pty.master.get(), F_GETFD) == FD_CLOEXEC && fcntl(pty.slave.get(), F_GETFD) == FD_CLOEXEC);
  cr_expect(!(fcntl(pty.master.get(), F_GETFL) & O_NONBLOCK));
}

Test(terminal, it_is_the_controlling_terminal_of_the_process_and_its_users) {
  process::Pty pty = process::open_pty(std::nullopt);
  const std::string name = pty.slave_path;
  const pid_t pid = fork();
  if (pid == 0) {
    process::make_controlling_terminal(pty, 1234, 1234);
    struct stat st {};
    const UniqueFd tty(open("/dev/tty", O_RDWR | O_CLOEXEC));
    const bool right = tty && isatty(0) && isatty(1) && isatty(2) && tcgetsid(0) == getpid() &&
                       fstat(0, &st) == 0 && st.st_uid == 1234 && !(fcntl(0, F_GETFD) & FD_CLOEXEC);
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  cr_expect(status == 0);
}

Test(terminal, the_master_goes_to_the_console_socket) {
  char folder[] = "/tmp/rocker-terminal-test.XXXXXX";
  cr_assert(mkdtemp(folder) != nullptr);
  // Longer than sun_path takes.
  const std::string deep = cat(folder, "/", std::string(100, 'd'));
  mkdir(deep.c_str(), 0700);
  const UniqueFd server(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  cr_assert(chdir(deep.c_str()) == 0);
  std::strcpy(address.sun_path, "console");
  cr_assert(bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  cr_assert(listen(server.get(), 1) == 0 && chdir("/") == 0);

  const process::Pty pty = process::open_pty(std::nullopt);
  const UniqueFd console = process::connect_console_socket(cat(deep, "/console"));
  process::send_console(console.get(), pty);

  const UniqueFd connection(accept(server.get(), nullptr, nullptr));
  char text[128];
  char control[CMSG_SPACE(sizeof(int))];
  iovec part{text, sizeof text};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(connection.get(), &message, 0);
  cr_assert(got > 0 && CMSG_FIRSTHDR(&message) != nullptr);
  cr_expect(std::string(text, static_cast<std::size_t>(got)) == pty.slave_path);
  int master = -1;
  unsigned number = 0, own = 1;
  std::memcpy(&master, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof master);
  cr_expect(ioctl(master, TIOCGPTN, &number) == 0 && ioctl(pty.master.get(), TIOCGPTN, &own) == 0 &&
            number == own);

  for (const std::string& bad : {cat(folder, "/none"), std::string("/etc/passwd")}) {
    std::string failure;
    try {
      process::connect_console_socket(bad);
    } catch (const Error& error) {
      failure = error.what();
    }
    cr_expect(failure.find("--console-socket") != std::string::npos && failure.find(bad) != std::string::npos,
              "%s", failure.c_str());
  }
  unlink(cat(deep, "/console").c_str());
  rmdir(deep.c_str());
  rmdir(folder);
}

Test(terminal, without_a_terminal_bytes_are_relayed_and_the_end_of_input_is_veof) {
  for (const char* input : {"one\ntwo\n", "no end of line"}) {
    process::Pty pty = process::open_pty(std::nullopt);
    const Pipe in, out;
    write_all(in.in.get(), input, "pipe");
    const pid_t pid = start(pty, [] {
      std::string all;
      for (char buffer[256];;) {
        const ssize_t got = read(0, buffer, sizeof buffer);
        if (got <= 0) break;
        all.append(buffer, static_cast<std::size_t>(got));
      }
      say(cat("[", all, "]"));
    });
    process::TerminalRelay relay_(std::move(pty.master), in.out.get(), out.in.get());
    const_cast<UniqueFd&>(in.in).reset();
    relay(relay_, pid);
    const std::string text = read_now(out.out.get());
    std::string expected = input;
    if (expected.back() == '\n') expected = "one\r\ntwo\r\n";
    cr_expect(text.ends_with(cat("[", expected, "]")), "%s", printable(text).c_str());
  }
}

Test(terminal, nothing_of_the_output_is_lost_at_the_end) {
  process::Pty pty = process::open_pty(std::nullopt);
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  char name[] = "/tmp/rocker-terminal-test.XXXXXX";
  const UniqueFd file(mkstemp(name));
  unlink(name);
  const pid_t pid = start(pty, [] {
    for (int i = 0; i < 20000; ++i) say(cat("line ", i, "\n"));
  });
  process::TerminalRelay relay_(std::move(pty.master), null.get(), file.get());
  relay(relay_, pid);
  std::string all(1 << 20, '\0');
  const ssize_t got = pread(file.get(), all.data(), all.size(), 0);
  all.resize(static_cast<std::size_t>(got));
  cr_expect(all.ends_with("line 19999\r\n"), "%zd bytes", got);
  cr_expect(std::count(all.begin(), all.end(), '\n') == 20000);
}

// A program that answers everything and reads again only when its answer is taken, and a reader of stdout
// that comes late: every pipe and pty on the way is full, in both directions.
Test(terminal, a_large_paste_does_not_stop_both_sides, .timeout = 60) {
  process::Pty pty = process::open_pty(std::nullopt);
  const std::size_t size = 3 << 20;
  int pair[2];
  cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  // Raw before the first byte arrives.
  termios settings{};
  tcgetattr(pty.slave.get(), &settings);
  cfmakeraw(&settings);
  tcsetattr(pty.slave.get(), TCSANOW, &settings);
  const pid_t pid = start(pty, [] {
    std::string buffer(1000, '\0');
    for (std::size_t done = 0; done < size;) {
      const ssize_t got = read(0, buffer.data(), buffer.size());
      if (got <= 0) _exit(1);
      say(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
      done += static_cast<std::size_t>(got);
    }
  });
  const pid_t user = fork();
  if (user == 0) {
    close(pair[0]);
    // A terminal that pastes first, and reads when all is pasted: it writes and reads one and the same
    // socket.
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    std::size_t written = 0, seen = 0;
    const std::string paste(65536, 'p');
    std::string buffer(65536, '\0');
    while (seen < size) {
      pollfd ready{pair[1], static_cast<short>(POLLIN | (written < size ? POLLOUT : 0)), 0};
      poll(&ready, 1, -1);
      if (ready.revents & POLLOUT) {
        const ssize_t sent = write(pair[1], paste.data(), std::min(paste.size(), size - written));
        if (sent > 0) written += static_cast<std::size_t>(sent);
        continue;
      }
      const ssize_t got = read(pair[1], buffer.data(), buffer.size());
      if (got > 0) seen += static_cast<std::size_t>(got);
    }
    _exit(0);
  }
  close(pair[1]);
  {
    const UniqueFd out(dup(pair[0]));
    process::TerminalRelay relay_(std::move(pty.master), pair[0], out.get());
    relay(relay_, pid);
  }
  int status = -1;
  cr_expect(waitpid(user, &status, 0) == user && status == 0);
}

Test(terminal, the_callers_terminal_is_raw_meanwhile_and_has_its_size) {
  const process::Pty callers = process::open_pty(spec::ConsoleSize{33, 99});
  process::Pty pty = process::open_pty(std::nullopt);
  termios before{}, during{}, after{};
  tcgetattr(callers.slave.get(), &before);
  const pid_t pid = start(pty, [] {
    winsize size{};
    char go = 0;
    if (read(0, &go, 1) != 1) _exit(1);
    ioctl(0, TIOCGWINSZ, &size);
    say(cat("size ", size.ws_row, " ", size.ws_col, "\n"));
    signal(SIGWINCH, [](int) {});
    pause();
    ioctl(0, TIOCGWINSZ, &size);
    say(cat("size ", size.ws_row, " ", size.ws_col, "\n"));
  });
  std::string screen;
  {
    process::TerminalRelay relay_(std::move(pty.master), callers.slave.get(), callers.slave.get());
    tcgetattr(callers.slave.get(), &during);
    write_all(callers.master.get(), "\n", "terminal");
    fcntl(callers.master.get(), F_SETFL, O_RDWR | O_NONBLOCK);
    relay(relay_, 0, [&] {
      screen += read_now(callers.master.get());
      return screen.find("size 33 99") != std::string::npos;
    });
    usleep(100000);  // until it pauses
    const winsize smaller{11, 22, 0, 0};
    ioctl(callers.master.get(), TIOCSWINSZ, &smaller);
    relay_.on_window_change();
    relay(relay_, pid);
    screen += read_now(callers.master.get());
  }
  tcgetattr(callers.slave.get(), &after);
  cr_expect(!(during.c_lflag & (ICANON | ECHO | ISIG)) && (before.c_lflag & ICANON));
  cr_expect(before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag &&
            before.c_oflag == after.c_oflag);
  cr_expect(screen.find("size 11 22") != std::string::npos, "%s", printable(screen).c_str());
}

Test(terminal, a_fatal_signal_restores_the_callers_terminal) {
  for (const int signal_number : {SIGTERM, SIGSEGV}) {
    const process::Pty callers = process::open_pty(std::nullopt);
    termios before{}, after{};
    tcgetattr(callers.slave.get(), &before);
    const pid_t pid = fork();
    if (pid == 0) {
      signal(SIGTERM, SIG_DFL), signal(SIGSEGV, SIG_DFL);
      process::Pty pty = process::open_pty(std::nullopt);
      const process::TerminalRelay relay_(std::move(pty.master), callers.slave.get(), callers.slave.get());
      raise(signal_number);
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    tcgetattr(callers.slave.get(), &after);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == signal_number);
    cr_expect(before.c_lflag == after.c_lflag, "after signal %d", signal_number);
  }
}

Test(terminal, a_reader_that_goes_away_does_not_end_us) {
  process::Pty pty = process::open_pty(std::nullopt);
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Pipe out;
  const pid_t pid = start(pty, [] {
    for (int i = 0; i < 2000; ++i) say("a line\n");
  });
  process::TerminalRelay relay_(std::move(pty.master), null.get(), out.in.get());
  out.out.reset();
  relay(relay_, pid);  // else SIGPIPE, or a program that waits for ever
}
