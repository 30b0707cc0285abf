// The terminal of a container (config.md: terminal, consoleSize).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker::process {

struct Pty {
  UniqueFd master;
  UniqueFd slave;
  std::string slave_path;  // "/dev/pts/0" as the container's own devpts names it
};

// In the child, after pivot_root: a pty from the container's devpts, whose ptmx is opened by path in the new
// root and checked to be a devpts. Sized when a size is given.
Pty open_pty(const std::optional<spec::ConsoleSize>& size);

// In the child: the slave becomes the controlling terminal and stdin, stdout and stderr; owned by the user.
void make_controlling_terminal(const Pty& pty, uid_t uid, gid_t gid);

// Sends the master through --console-socket (an AF_UNIX stream socket) with the slave's path as payload, as
// runc does. connect_console_socket is for the parent, before the clone.
UniqueFd connect_console_socket(const std::string& path);
void send_console(int socket, const Pty& pty);

// In the parent of a foreground `run -t` or `exec -t`: the caller's terminal in raw mode (restored by the
// destructor, also on a signal that ends us), bytes relayed both ways, SIGWINCH forwarded as a new size. When
// stdin is no terminal, bytes are relayed all the same, end-of-file of stdin becomes the pty's VEOF, and no
// size is set.
class TerminalRelay {
 public:
  // stdin_fd and stdout_fd are the caller's: two descriptors, though perhaps of one file.
  TerminalRelay(UniqueFd master, int stdin_fd, int stdout_fd);
  ~TerminalRelay();
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;

  // For the caller's poll loop: the descriptors to wait on for POLLIN now, what to do when one of them is
  // ready (never blocks), and what is left in the pty after the process has ended. An epoll stands for all
  // that the relay waits for, both directions, so that there is one descriptor: master_fd(); it changes only
  // to -1.
  int input_fd() const;   // -1: the other covers it
  int master_fd() const;  // -1 when the pty is closed and all of its output has been written
  void on_input();
  void on_master();
  void on_window_change();
  void drain();  // waits for whoever reads stdout

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rocker::process
