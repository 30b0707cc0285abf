#include "rocker-runc/supervise.hh"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <memory>

#include "rocker-runc/notify_socket.hh"
#include "rocker-runc/process/terminal.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"

namespace rocker {

namespace {

// All but those that can't be caught, that tell of our own faults, or that are about our own children and
// terminal.
sigset_t forwarded_signals() {
  sigset_t set;
  sigfillset(&set);
  for (const int signal : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS,
                           SIGCHLD, SIGPIPE, SIGTTIN, SIGTTOU, SIGURG}) {
    sigdelset(&set, signal);
  }
  return set;
}

}  // namespace

void block_forwarded_signals() {
  const sigset_t set = forwarded_signals();
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) < 0) throw system_error("sigprocmask");
}

int supervise(pid_t pid, const UniqueFd& pidfd, UniqueFd console, const NotifySocket* notify,
              int interrupts) {
  const sigset_t set = forwarded_signals();
  const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) throw system_error("signalfd");
  std::unique_ptr<process::TerminalRelay> relay;
  if (console) {
    relay = std::make_unique<process::TerminalRelay>(std::move(console), STDIN_FILENO, STDOUT_FILENO);
    relay->on_window_change();
  }
  bool ready = notify == nullptr || !*notify;
  for (;;) {
    pollfd fds[5] = {{pidfd.get(), POLLIN, 0},
                     {signals.get(), POLLIN, 0},
                     {relay ? relay->master_fd() : -1, POLLIN, 0},
                     {relay ? relay->input_fd() : -1, POLLIN, 0},
                     {ready ? -1 : notify->fd(), POLLIN, 0}};
    if (::poll(fds, 5, -1) < 0) {
      if (errno == EINTR) continue;
      throw system_error("poll");
    }
    if (fds[1].revents != 0) {
      signalfd_siginfo info{};
      while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGWINCH) {
          if (relay) relay->on_window_change();
        } else if (info.ssi_signo == SIGINT && info.ssi_code == SI_KERNEL && interrupts > 0 &&
                   --interrupts == 0) {
          log::warn("the container goes on after Ctrl-C: it is killed");
          sys::send_signal(pidfd.get(), SIGKILL);
        } else {
          sys::send_signal(pidfd.get(), static_cast<int>(info.ssi_signo));
        }
      }
    }
    if (fds[2].revents != 0) relay->on_master();
    if (fds[3].revents != 0) relay->on_input();
    if (fds[4].revents != 0) ready = notify->relay(pid);
    if (fds[0].revents != 0) break;
  }
  if (relay) relay->drain();
  return sys::wait_child(pid);
}

}  // namespace rocker
