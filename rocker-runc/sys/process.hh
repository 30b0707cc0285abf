// Processes: clone3(2), pidfds, setns(2). Thin and typed; no policy.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "spec/support/fd.hh"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace rocker::sys {

struct CloneResult {
  pid_t pid = 0;  // 0 in the child
  UniqueFd pidfd;
};

// fork(2) with namespaces. cgroup_fd >= 0: the child is born in that v2 cgroup (CLONE_INTO_CGROUP). With
// `sibling` the child's parent is the caller's parent (CLONE_PARENT). Throws.
CloneResult clone_process(std::uint64_t flags, int cgroup_fd = -1, bool sibling = false);

// A pidfd of a process; invalid (errno set) when there is none.
UniqueFd open_pidfd(pid_t pid);

// False (errno set) when the process is gone or may not be signalled.
bool send_signal(int pidfd, int signal);

// Waits for a child of ours to end. The status is as a shell has it: 0 to 255, 128 + n for a signal.
int wait_child(pid_t pid);

// Whether this process is in a user namespace of somebody's: then a uid of 0 is root there and nowhere else,
// and rootless engines (podman) call a runtime so.
bool in_user_namespace();

void join_namespace(int fd, int type, const std::string& what);

// What /proc/PID/stat says. The start time (clock ticks since boot) and the pid name one process for ever.
struct ProcessInfo {
  char state = 0;  // R, S, D, Z ...
  std::uint64_t start_time = 0;
};
std::optional<ProcessInfo> process_info(pid_t pid);

}  // namespace rocker::sys
