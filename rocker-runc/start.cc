#include "rocker-runc/start.hh"

#include <signal.h>
#include <sys/syscall.h>

#include "rocker-runc/hooks.hh"
#include "rocker-runc/process/seccomp.hh"
#include "rocker-runc/start_gate.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"

namespace rocker {

void attend_until_exec(const Channel& channel, const UniqueFd& pidfd, pid_t pid, const spec::Config& config,
                       const std::string& state_json) {
  while (const auto packet = channel.receive()) {
    if (packet->message != Message::seccomp_listener)
      throw Error("unexpected message from the container's process");
    const UniqueFd listener(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), packet->number, 0)));
    if (!listener) throw system_error("get the seccomp listener");
    process::send_seccomp_listener(*config.linux_.seccomp, listener.get(), pid, state_json);
    channel.send(Message::listener_sent);
  }
}

void start_container(Container& container, const spec::Config& config, const Channel& channel,
                     bool& hook_failed) {
  hook_failed = !config.hooks.start_container.empty();
  if (hook_failed)
    channel.expect(Message::hooks_done, "the container's init ended while its startContainer hooks ran");
  hook_failed = false;
  attend_until_exec(channel, container.init_pidfd(), container.record().pid, config,
                    spec::write_state(container.oci_state(name(Status::creating))));
  StartGate::remove(container.directory_fd());
  if (config.hooks.poststart.empty()) return;
  try {
    run_hooks(config.hooks.poststart, "poststart",
              spec::write_state(container.oci_state(name(Status::running))), container.record().bundle);
  } catch (const Error&) {
    hook_failed = true;
    throw;
  }
}

void destroy_after_failure(Container& container) {
  try {
    if (const UniqueFd pidfd = container.init_pidfd()) sys::send_signal(pidfd.get(), SIGKILL);
    destroy_container(container);
  } catch (const Error& error) {
    // The error that the caller has in hand is the one that counts.
    log::warn(error.what());
  }
}

void destroy_container(Container& container, std::optional<int> exit_status) {
  spec::Hooks hooks;
  try {
    hooks = container.config().hooks;
  } catch (const Error& error) {
    // Without its config there are no hooks to run; everything else can still be cleaned up.
    log::warn(error.what());
  }
  auto& cgroups = container.cgroups();
  if (cgroups.exists()) cgroups.kill_all(SIGKILL);
  // Also without a group: a unit of systemd's that has failed outlives it.
  cgroups.remove();
  remove_intel_rdt(container.record().intel_rdt);
  spec::State state = container.oci_state(name(Status::stopped));
  state.exit_status = exit_status;
  container.remove_directory();
  run_hooks_to_the_end(hooks.poststop, "poststop", spec::write_state(state), container.record().bundle);
}

}  // namespace rocker
