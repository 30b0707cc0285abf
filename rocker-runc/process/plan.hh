// All that turns a clone into the container's process, worked out before the clone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rocker-runc/process/attributes.hh"
#include "rocker-runc/process/capabilities.hh"
#include "rocker-runc/process/seccomp.hh"
#include "spec/config.hh"

namespace rocker {
class Channel;
}

namespace rocker::process {

struct Pty;

struct ProcessPlan {
  const spec::Process* process = nullptr;
  std::vector<std::string> env;  // process.env, and what the runtime adds (LISTEN_FDS, NOTIFY_SOCKET)
  CapabilitySets capabilities;
  std::optional<SeccompFilter> seccomp;
  std::vector<RlimitPlan> rlimits;
  std::optional<SchedulerPlan> scheduler;
  std::optional<int> io_priority;
  std::optional<unsigned long> personality;
  std::optional<MemoryPolicyPlan> memory_policy;
  std::string session_keyring;  // its name; empty: none is made (--no-new-keyring)
  int preserve_fds = 0;         // descriptors from 3 on that stay open
  int listen_fds = 0;           // how many of them are LISTEN_FDS (sd_listen_fds(3))
  // A user namespace can't raise limits above the caller's; whoever started it sets them from outside.
  bool parent_sets_limits = false;
  bool make_cwd = true;  // when it is missing; a further process (exec) is not to change what it looks at
};

struct ProcessInput {
  const spec::Process& process;
  const spec::Linux& linux_part;
  std::string session_keyring;
  int preserve_fds = 0;
  bool user_namespace = false;
};

// Throws for anything that does not exist or can't be on this kernel; each Error names the member.
ProcessPlan plan_process(const ProcessInput& input);

// In the child, inside the container: becomes the process, by execve. A pty becomes its terminal (unless it
// is already: null). proc_fd is a real procfs. With a seccomp listener, `channel` is asked to take it. Throws
// when something fails, execve included: then the process is good for nothing but to report the Error.
[[noreturn]] void become_process(const ProcessPlan& plan, const Pty* pty, int proc_fd,
                                 const Channel& channel);

}  // namespace rocker::process
