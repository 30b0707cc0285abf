// The processes of a container as they are now: whether its first one lives, whether it is paused, its
// monitor.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "rocker-image/containers/containers.hh"
#include "spec/support/fd.hh"

namespace rocker::containers {

enum class Status { created, starting, running, paused, restarting, exited, dead };
std::string_view name(Status status);

struct Live {
  Status status = Status::created;
  pid_t pid = 0;  // of the first process; 0 unless it runs
};

// What is true now, whatever container.json says: a reboot or a kill -9 may have come between. A PID is
// believed only when the process is the container's, since PIDs are used again.
Live look(const Registry& registry, const Facts& facts);

// The same of its newest facts; exited when it was removed.
Live look_anew(const Registry& registry, const std::string& id);

// It runs, or is about to: what docker calls running in its refusals.
bool is_up(const Live& live);

// As look(), but an end that is being noted down just now is waited for, a second at most: what is known of
// it is in `facts` then.
Live settle(const Registry& registry, Facts& facts);

// When a process began, in clock ticks since the host did; 0 when it is gone. With its PID it names one
// process only.
std::int64_t birth_of(pid_t pid);

// A descriptor of a process; invalid when there is none.
UniqueFd open_pid(pid_t pid);

// Sends a signal to `whom`, for messages; no error when the process has ended already.
void send_signal(int pidfd, int number, std::string_view whom);

// A descriptor of the container's first process, or of its monitor; invalid when there is none.
UniqueFd open_process(const Registry& registry, const Facts& facts);
UniqueFd open_monitor(const Registry& registry, const Facts& facts);

// Of the process that waits to start the container again; invalid when it is not between two lives, or when
// the next has begun.
UniqueFd open_restarter(const Registry& registry, const Facts& facts);

// Waits until the process is gone; false when that takes longer. -1: for ever.
bool wait_gone(int pidfd, int milliseconds);

}  // namespace rocker::containers
