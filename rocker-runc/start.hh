// The second half of a container's life: its program is started, and in the end all is removed.
#pragma once

#include <sys/types.h>

#include <string>

#include "rocker-runc/channel.hh"
#include "rocker-runc/container.hh"
#include "spec/config.hh"

namespace rocker {

// Serves a process on its way to execve: hands its seccomp listener over, and returns when the channel
// closes, which it does by execve (close-on-exec). Throws the Error that comes instead.
void attend_until_exec(const Channel& channel, const UniqueFd& pidfd, pid_t pid, const spec::Config& config,
                       const std::string& state_json);

// `start`'s half of the work, when "start" has been said over the channel of a `run` or the gate of a
// container: returns when execve has succeeded and the poststart hooks have run. Throws what went wrong
// inside; the container is then stopped, and with `hook_failed` to be destroyed as well (runtime.md,
// "Lifecycle", steps 7 and 9).
void start_container(Container& container, const spec::Config& config, const Channel& channel,
                     bool& hook_failed);

// Kills what is left, removes cgroups and state, runs the poststop hooks. Of a container whose lock the
// caller holds. `exit_status`: of its first process, for the hooks.
void destroy_container(Container& container, std::optional<int> exit_status = {});

// The same while another error is on its way: what goes wrong here is a warning.
void destroy_after_failure(Container& container);

}  // namespace rocker
