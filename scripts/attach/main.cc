// rocker-attach - the user's terminal or streams, and a container's: the client of conmon's attach socket.
//
//   rocker-attach [--tty] [--no-stdin] [--detach-keys KEYS] [--name NAME] [--memory TEXT]
//                 [--start RUNTIME RUN-DIRECTORY --failed PROGRAM --root ROOT] DIRECTORY ID
//
// With --start it has the runtime start the container once it is attached, so that no output is missed. It
// exits with the container's own status.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "scripts/attach/conmon.hh"
#include "scripts/attach/terminal.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

extern char** environ;

namespace rocker::attach {

struct Arguments {
  bool tty = false, input = true;
  std::string detach_keys = "ctrl-p,ctrl-q";
  std::string name, memory;  // the container's, and its limit, for the message
  std::string runtime, run_directory, failed_program, root;
  std::string directory, id;
};

static Arguments parse_arguments(int argc, char** argv) {
  Arguments out;
  int i = 1;
  const auto next = [&]() -> std::string {
    if (++i >= argc) throw Error(cat(argv[argc - 1], ": its value is missing"));
    return argv[i];
  };
  for (; i < argc && argv[i][0] == '-'; ++i) {
    const std::string_view option = argv[i];
    if (option == "--tty") {
      out.tty = true;
    } else if (option == "--no-stdin") {
      out.input = false;
    } else if (option == "--detach-keys") {
      out.detach_keys = next();
    } else if (option == "--name") {
      out.name = next();
    } else if (option == "--memory") {
      out.memory = next();
    } else if (option == "--start") {
      out.runtime = next();
      out.run_directory = next();
    } else if (option == "--failed") {
      out.failed_program = next();
    } else if (option == "--root") {
      out.root = next();
    } else {
      throw Error(cat("unknown option \"", option, "\""));
    }
  }
  if (argc - i != 2) throw Error("expected a container's folder and its ID");
  out.directory = argv[i];
  out.id = argv[i + 1];
  return out;
}

// Has the runtime start the container; on failure what it said is handed to rocker-image, which cleans up,
// says it and gives the status. Does not come back then.
static void start(const Arguments& arguments, RawTerminal& terminal, const sigset_t& usual_mask) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  ::posix_spawnattr_setsigmask(&attributes, &usual_mask);
  const char* argv[] = {arguments.runtime.c_str(), "--root", arguments.run_directory.c_str(), "start",
                        arguments.id.c_str(),      nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, arguments.runtime.c_str(), &actions, &attributes,
                                  const_cast<char**>(argv), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) throw system_error(cat("start ", arguments.runtime), error);
  write_end.reset();
  constexpr std::size_t most = 1 << 20;
  const std::string said = read_all(read_end.get(), "the runtime's output", most);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    if (!said.empty()) write_all(STDERR_FILENO, said, "standard error");
    return;
  }
  terminal.restore();
  ::sigprocmask(SIG_SETMASK, &usual_mask, nullptr);
  ::execl(arguments.failed_program.c_str(), "rocker-image", "--root", arguments.root.c_str(), "container",
          "failed", arguments.id.c_str(), said.c_str(), nullptr);
  throw system_error(cat("exec ", arguments.failed_program));
}

static void pass_size(const Conmon& conmon) {
  struct winsize size {};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0)
    conmon.resize(size.ws_row, size.ws_col);
}

// Ctrl-D, the VEOF of every terminal that nobody has set otherwise.
constexpr char end_of_file = 4;

// Moves bytes until the container closes its output or the user leaves; false when the user left.
class Relay {
 public:
  Relay(const Conmon& conmon, int socket, int signals, const Arguments& arguments, bool terminal)
      : conmon_(conmon),
        socket_(socket),
        signals_(signals),
        keys_(terminal ? parse_detach_keys(arguments.detach_keys) : ""),
        with_terminal_(arguments.tty),
        for_terminal_(arguments.tty && !terminal),
        reading_(arguments.input) {
    // So that conmon passes on that there is none.
    if (!reading_) ::shutdown(socket_, SHUT_WR);
  }

  // Left by Ctrl-C, not by the detach keys.
  bool interrupted() const { return interrupts_ == 0; }

  // Left by this signal, or 0.
  int ended_by() const { return ended_by_; }

  bool run() {
    for (;;) {
      const bool want_input = reading_ && pending_.empty();
      struct pollfd fds[] = {{socket_, static_cast<short>(POLLIN | (pending_.empty() ? 0 : POLLOUT)), 0},
                             {signals_, POLLIN, 0},
                             {want_input ? STDIN_FILENO : -1, POLLIN, 0}};
      const int ready = ::poll(fds, 3, say_again_);
      if (ready < 0) {
        if (errno == EINTR) continue;
        throw system_error("poll");
      }
      if (ready == 0) end_terminal();
      if ((fds[1].revents & POLLIN) != 0 && !take_signal()) return false;
      if (fds[2].revents != 0 && !take_input()) return false;
      if (!pending_.empty()) send_pending();
      pass_end();
      if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !take_output()) return true;
    }
  }

 private:
  // docker: who presses Ctrl-C a fourth time wants to be let go, whatever the container makes of it.
  bool take_signal() {
    struct signalfd_siginfo info {};
    if (::read(signals_, &info, sizeof info) != sizeof info) return true;
    if (info.ssi_signo == SIGWINCH) {
      pass_size(conmon_);
      return true;
    }
    if (with_terminal_) return end_by(static_cast<int>(info.ssi_signo));
    if (info.ssi_signo == SIGINT && info.ssi_code == SI_KERNEL && --interrupts_ == 0) return false;
    conmon_.signal(static_cast<int>(info.ssi_signo));
    return true;
  }

  // docker: what is in a terminal gets its signals from there. One that comes from elsewhere ends us, and
  // whoever closes a window or loses a connection finds the container as it was.
  bool end_by(int number) {
    struct sigaction action {};
    ::sigaction(number, nullptr, &action);
    if (number == SIGCONT || action.sa_handler == SIG_IGN) return true;  // nohup(1)
    ended_by_ = number;
    return false;
  }

  bool take_input() {
    char buffer[most_input];
    // Less than a packet, since withheld detach keys may come in front.
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer - 64);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    // Raw, it ends only when it is hung up; the signal may come later.
    if (got <= 0 && with_terminal_ && !for_terminal_) {
      ended_by_ = SIGHUP;
      return false;
    }
    if (got <= 0) {
      reading_ = false;
      ended_ = true;
      if (for_terminal_) {
        // The first only ends an unfinished line (termios(3)).
        if (line_open_) pending_ += end_of_file;
        end_terminal();
      }
      return true;
    }
    line_open_ = buffer[got - 1] != '\n';
    return !keys_.filter({buffer, static_cast<std::size_t>(got)}, pending_);
  }

  // conmon keeps the container's terminal open: the end is a character. Said again, less and less often,
  // because an ended input stays so for whoever reads next, and what changes the terminal's mode loses it.
  void end_terminal() {
    constexpr int first = 100, most = 60'000;  // milliseconds
    pending_ += end_of_file;
    say_again_ = say_again_ < 0 ? first : std::min(most, say_again_ * 2);
  }

  void send_pending() {
    const ssize_t sent = ::send(socket_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      pending_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      // The container takes no more input; its output may go on.
      pending_.clear();
      reading_ = false;
    }
  }

  bool take_output() {
    char buffer[most_output + 1];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return false;
    write_all(buffer[0] == from_stderr ? STDERR_FILENO : STDOUT_FILENO,
              {buffer + 1, static_cast<std::size_t>(got) - 1}, "the container's output");
    return true;
  }

  // The end of the input is passed on when all of it has gone.
  void pass_end() {
    if (!ended_ || !pending_.empty() || for_terminal_) return;
    ::shutdown(socket_, SHUT_WR);
    ended_ = false;
  }

  const Conmon& conmon_;
  int socket_, signals_;
  DetachKeys keys_;
  std::string pending_;
  bool with_terminal_;  // the container
  bool for_terminal_;   // the container has one, we have not
  bool reading_, ended_ = false, line_open_ = false;
  int interrupts_ = 4, ended_by_ = 0;
  int say_again_ = -1;  // milliseconds until the end of the input is said once more
};

static int run(int argc, char** argv) {
  const Arguments arguments = parse_arguments(argc, argv);
  const Conmon conmon(arguments.directory);
  const UniqueFd socket = conmon.connect();

  sigset_t handled, usual;
  ::sigemptyset(&handled);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGCONT}) {
    ::sigaddset(&handled, number);
  }
  ::sigprocmask(SIG_BLOCK, &handled, &usual);
  const UniqueFd signals(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) throw system_error("signalfd");

  // Without -t the terminal stays as it is: it echoes, and Ctrl-C comes as a signal.
  RawTerminal terminal(arguments.tty && arguments.input ? STDIN_FILENO : -1);
  if (arguments.tty) pass_size(conmon);
  if (!arguments.runtime.empty()) start(arguments, terminal, usual);
  Relay relay(conmon, socket.get(), signals.get(), arguments, terminal.active());
  const bool ended = relay.run();
  terminal.restore();
  if (relay.interrupted()) {
    throw Error(cat("Ctrl-C four times: container ", arguments.name, " goes on"))
        .hint(cat("'rocker kill ", arguments.name, "' ends it"))
        .exit_status(128 + SIGINT);
  }
  if (const int number = relay.ended_by(); number != 0) {
    ::signal(number, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &usual, nullptr);
    ::raise(number);
    return 128 + number;
  }
  if (!ended) {
    write_all(STDERR_FILENO, "\r\n", "standard error");
    return 0;
  }
  // conmon's exit command has cleaned up when conmon is gone.
  struct pollfd monitor {
    conmon.monitor(), POLLIN, 0
  };
  while (::poll(&monitor, 1, -1) < 0 && errno == EINTR) {
  }
  const auto end = conmon.end();
  if (!end) {
    throw Error(conmon.process_gone() ? "the container has ended, but its monitor did not say how"
                                      : "the container's monitor is gone; the container still runs")
        .exit_status(125);
  }
  if (end->out_of_memory && end->exit_code == 128 + SIGKILL) {
    log::error(cat("container ", arguments.name, " was killed: it ran out of memory",
                   arguments.memory.empty() ? "" : cat(", its limit is ", arguments.memory)));
  }
  return end->exit_code;
}

}  // namespace rocker::attach

int main(int argc, char** argv) {
  using namespace rocker;
  log::set_program("rocker");
  try {
    return attach::run(argc, argv);
  } catch (const Error& error) {
    log::error(error.what());
    return error.exit_status() == 1 ? 125 : error.exit_status();
  } catch (const std::exception& error) {
    log::error(error.what());
    return 125;
  }
}
