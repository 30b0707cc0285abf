// The foreground: a command that stays until its process ends.
#pragma once

#include <sys/types.h>

#include "spec/support/fd.hh"

namespace rocker {

class NotifySocket;

// Blocks the signals that a foreground command passes on. To be called before the clone, so that none is
// lost.
void block_forwarded_signals();

// Serves the process until it has ended: signals are forwarded, the terminal (when there is a master) is
// relayed with its window size, READY=1 is passed on. At the terminal's `interrupts`th Ctrl-C (0: never) the
// process is killed, since the init of a PID namespace ignores SIGINT unless it has a handler. Returns the
// exit status, 128 + n for a signal.
int supervise(pid_t pid, const UniqueFd& pidfd, UniqueFd console, const NotifySocket* notify = nullptr,
              int interrupts = 0);

}  // namespace rocker
