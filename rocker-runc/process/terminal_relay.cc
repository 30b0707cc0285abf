// The caller's terminal and the container's, joined (see terminal.hh). Nothing here waits for a peer: what
// one side does not take now is kept, and the other side is read again when there is room. With blocking
// writes a large paste would stop both for good: we, writing to a program that is busy answering, and it,
// writing to us.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "rocker-runc/process/terminal.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

constexpr std::size_t chunk = 16384;
constexpr std::size_t most_kept = 65536;  // above this a side is not read

// For the signal handler: there is one terminal to a process.
volatile sig_atomic_t saved_fd = -1;
termios saved_state;

constexpr std::array<int, 9> fatal_signals{SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGABRT,
                                           SIGSEGV, SIGBUS, SIGFPE,  SIGILL};

extern "C" void restore_and_die(int signal) {
  if (saved_fd >= 0) ::tcsetattr(saved_fd, TCSANOW, &saved_state);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

// Bytes on their way in one direction.
struct Buffer {
  std::string bytes;
  std::size_t start = 0;
  std::size_t size() const { return bytes.size() - start; }
  std::string_view rest() const { return std::string_view(bytes).substr(start); }
  void add(std::string_view more) { bytes.append(more); }
  void taken(std::size_t n) {
    start += n;
    if (start == bytes.size() || start > most_kept) bytes.erase(0, start), start = 0;
  }
};

}  // namespace

struct TerminalRelay::Impl {
  UniqueFd master;
  int stdin_fd = -1;
  int stdout_fd = -1;
  UniqueFd own_stdout;  // the same terminal or pipe, opened anew: non-blocking for us alone
  bool stdout_socket = false;
  bool stdout_plain = false;  // a file: it takes everything
  UniqueFd epoll;
  UniqueFd always;  // stands in for an stdin that can't be waited for (a file), which is always ready

  bool stdin_open = false;
  bool stdin_terminal = false;
  bool stdin_plain = false;
  bool raw = false;
  termios state{};
  std::array<struct sigaction, fatal_signals.size()> old_actions{};
  std::array<bool, fatal_signals.size()> action_set{};
  struct sigaction old_pipe {};

  Buffer to_master, to_stdout;
  bool line_open = false;           // the last byte of stdin was no newline
  UniqueFd end_timer;               // once the input has ended
  std::int64_t end_after_ms = 100;  // until that is said once more
  bool stdout_broken = false;
  std::uint32_t master_watched = 0, stdin_watched = 0, stdout_watched = 0;

  Impl();
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  void set_raw();
  void watch(int fd, std::uint32_t wanted, std::uint32_t& now);
  void update_watches();
  void read_stdin();
  void read_master();
  void write_master();
  void write_stdout(bool wait);
  ssize_t write_some(std::string_view bytes);
  void end_of_input();
  void say_end();
  void close_master();
  void step();
};

// A reader of stdout that goes away must not kill us before the container has been cleaned up: it is EPIPE
// instead.
TerminalRelay::Impl::Impl() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &old_pipe);
}

void TerminalRelay::Impl::set_raw() {
  if (::tcgetattr(stdin_fd, &state) < 0) throw system_error("reading the settings of the terminal");
  saved_state = state;
  saved_fd = stdin_fd;
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
    struct sigaction action {};
    // Whoever handles a signal himself restores the terminal by our destructor.
    if (::sigaction(fatal_signals[i], nullptr, &old_actions[i]) < 0 || old_actions[i].sa_handler != SIG_DFL)
      continue;
    action.sa_handler = restore_and_die;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    action_set[i] = ::sigaction(fatal_signals[i], &action, nullptr) == 0;
  }
  termios wanted = state;
  ::cfmakeraw(&wanted);
  if (::tcsetattr(stdin_fd, TCSANOW, &wanted) < 0) throw system_error("setting the terminal to raw mode");
  raw = true;
}

TerminalRelay::Impl::~Impl() {
  if (raw) ::tcsetattr(stdin_fd, TCSADRAIN, &state);
  saved_fd = -1;
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
    if (action_set[i]) ::sigaction(fatal_signals[i], &old_actions[i], nullptr);
  }
  ::sigaction(SIGPIPE, &old_pipe, nullptr);
}

void TerminalRelay::Impl::watch(int fd, std::uint32_t wanted, std::uint32_t& now) {
  if (wanted == now) return;
  epoll_event event{};
  event.events = wanted;
  event.data.fd = fd;
  const int operation = now == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll.get(), operation, fd, &event) < 0) throw system_error("epoll_ctl");
  now = wanted;
}

void TerminalRelay::Impl::update_watches() {
  if (master) {
    std::uint32_t events = to_stdout.size() < most_kept ? EPOLLIN : 0u;
    if (to_master.size() > 0) events |= EPOLLOUT;
    watch(master.get(), events, master_watched);
  }
  const bool want_input = stdin_open && master && to_master.size() < most_kept;
  watch(stdin_plain ? always.get() : stdin_fd, want_input ? EPOLLIN : 0u, stdin_watched);
  if (!stdout_plain) {
    const int fd = own_stdout ? own_stdout.get() : stdout_fd;
    watch(fd, to_stdout.size() > 0 && !stdout_broken ? EPOLLOUT : 0u, stdout_watched);
  }
}

void TerminalRelay::Impl::read_stdin() {
  std::array<char, chunk> bytes;
  const ssize_t got = ::read(stdin_fd, bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || would_block())) return;
  if (got <= 0) return end_of_input();  // EIO: the caller's terminal has hung up
  to_master.add({bytes.data(), static_cast<std::size_t>(got)});
  line_open = bytes[static_cast<std::size_t>(got) - 1] != '\n';
}

void TerminalRelay::Impl::end_of_input() {
  stdin_open = false;
  if (stdin_terminal || !master) return;
  say_end();
}

// As the character that the terminal has for it, and again, less and less often: an ended input stays so for
// whoever reads next, and a shell that sets the terminal to raw mode meanwhile loses what was there as the
// end of a file.
void TerminalRelay::Impl::say_end() {
  termios settings{};
  if (!master || ::tcgetattr(master.get(), &settings) < 0) return;
  // The first VEOF only ends an unfinished line (termios(3)).
  to_master.add(std::string(line_open ? 2 : 1, static_cast<char>(settings.c_cc[VEOF])));
  line_open = false;
  if (!end_timer) {
    end_timer.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!end_timer) throw system_error("timerfd_create");
    std::uint32_t none = 0;
    watch(end_timer.get(), EPOLLIN, none);
  }
  constexpr std::int64_t most = 60'000;
  itimerspec next{};
  next.it_value.tv_sec = end_after_ms / 1000;
  next.it_value.tv_nsec = end_after_ms % 1000 * 1'000'000;
  if (::timerfd_settime(end_timer.get(), 0, &next, nullptr) < 0) throw system_error("timerfd_settime");
  end_after_ms = std::min(2 * end_after_ms, most);
}

void TerminalRelay::Impl::close_master() {
  if (!master) return;
  watch(master.get(), 0, master_watched);
  master.reset();
  to_master = {};
}

void TerminalRelay::Impl::read_master() {
  std::array<char, chunk> bytes;
  const ssize_t got = ::read(master.get(), bytes.data(), bytes.size());
  if (got > 0) {
    to_stdout.add({bytes.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || (errno != EINTR && !would_block())) {
    close_master();  // EIO: nobody has the slave open any more, and all that was written has been read
  }
}

void TerminalRelay::Impl::write_master() {
  while (master && to_master.size() > 0) {
    const std::string_view rest = to_master.rest();
    const ssize_t sent = ::write(master.get(), rest.data(), rest.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (!would_block()) to_master = {};
      return;
    }
    to_master.taken(static_cast<std::size_t>(sent));
  }
}

ssize_t TerminalRelay::Impl::write_some(std::string_view bytes) {
  if (stdout_socket) return ::send(stdout_fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (own_stdout) return ::write(own_stdout.get(), bytes.data(), bytes.size());
  if (stdout_plain) return ::write(stdout_fd, bytes.data(), bytes.size());
  // Not to be had non-blocking (somebody else's terminal): little by little, when it says that it has room.
  pollfd ready{stdout_fd, POLLOUT, 0};
  if (::poll(&ready, 1, 0) <= 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(stdout_fd, bytes.data(), std::min<std::size_t>(bytes.size(), 512));
}

void TerminalRelay::Impl::write_stdout(bool wait) {
  while (!stdout_broken && to_stdout.size() > 0) {
    const ssize_t sent = write_some(to_stdout.rest());
    if (sent >= 0) {
      to_stdout.taken(static_cast<std::size_t>(sent));
    } else if (would_block()) {
      if (!wait) return;
      pollfd ready{own_stdout ? own_stdout.get() : stdout_fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      stdout_broken = true;  // EPIPE, ENOSPC ...: the program must not hang by it
    }
  }
  if (stdout_broken) to_stdout = {};
}

void TerminalRelay::Impl::step() {
  std::array<epoll_event, 4> events;
  const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const int fd = event.data.fd;
    if (master && fd == master.get()) {
      if (event.events & EPOLLOUT) write_master();
      if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR) && to_stdout.size() < most_kept) read_master();
    } else if (end_timer && fd == end_timer.get()) {
      std::uint64_t times = 0;
      if (::read(fd, &times, sizeof times) > 0) say_end();
    } else if (stdin_watched && fd == (stdin_plain ? always.get() : stdin_fd)) {
      if (stdin_open) read_stdin();
    }
  }
  if (master) write_master();
  write_stdout(false);
  update_watches();
}

TerminalRelay::TerminalRelay(UniqueFd master, int stdin_fd, int stdout_fd) : impl_(std::make_unique<Impl>()) {
  impl_->master = std::move(master);
  impl_->stdin_fd = stdin_fd;
  impl_->stdout_fd = stdout_fd;
  // The master is ours alone: a clone's copies are closed, the slave is another open file.
  if (::fcntl(impl_->master.get(), F_SETFL, O_RDWR | O_NONBLOCK) < 0) throw system_error("fcntl");
  impl_->epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!impl_->epoll) throw system_error("epoll_create1");

  struct stat st {};
  if (::fstat(stdout_fd, &st) < 0) {
    impl_->stdout_broken = true;
    impl_->stdout_plain = true;
  } else if (S_ISSOCK(st.st_mode)) {
    impl_->stdout_socket = true;
  } else if (::isatty(stdout_fd) || S_ISFIFO(st.st_mode)) {
    // O_NONBLOCK on the caller's own description would hit everybody who shares it, a shell above all.
    impl_->own_stdout.reset(
        ::open(cat("/proc/self/fd/", stdout_fd).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  } else {
    impl_->stdout_plain = true;
  }

  impl_->stdin_open = ::fstat(stdin_fd, &st) == 0;
  impl_->stdin_terminal = impl_->stdin_open && ::isatty(stdin_fd);
  epoll_event event{};
  event.data.fd = stdin_fd;
  if (impl_->stdin_open && ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, stdin_fd, &event) == 0) {
    ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, stdin_fd, nullptr);
  } else {
    impl_->stdin_plain = true;
    impl_->always.reset(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!impl_->always) throw system_error("eventfd");
  }
  if (impl_->stdin_terminal) {
    on_window_change();
    impl_->set_raw();
  } else if (!impl_->stdin_open) {
    impl_->end_of_input();
  }
  impl_->update_watches();
}

TerminalRelay::~TerminalRelay() = default;

int TerminalRelay::input_fd() const {
  return -1;
}

int TerminalRelay::master_fd() const {
  return impl_->master || impl_->to_stdout.size() > 0 ? impl_->epoll.get() : -1;
}

void TerminalRelay::on_input() {
  impl_->step();
}
void TerminalRelay::on_master() {
  impl_->step();
}

void TerminalRelay::on_window_change() {
  winsize window{};
  if (!impl_->stdin_terminal || !impl_->master) return;
  if (::ioctl(impl_->stdin_fd, TIOCGWINSZ, &window) == 0) ::ioctl(impl_->master.get(), TIOCSWINSZ, &window);
}

void TerminalRelay::drain() {
  // EAGAIN can be believed: the kernel moves what is under way before it says so (n_tty_read flushes its
  // work).
  while (impl_->master) {
    const std::size_t before = impl_->to_stdout.size();
    impl_->read_master();
    const bool more = impl_->to_stdout.size() > before;
    impl_->write_stdout(true);
    if (!more && impl_->master) break;
  }
  impl_->write_stdout(true);
}

}  // namespace rocker::process
