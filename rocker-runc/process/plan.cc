#include "rocker-runc/process/plan.hh"

#include <algorithm>
#include <cstdlib>

#include "rocker-runc/process/descriptors.hh"
#include "rocker-runc/process/labels.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

// Socket activation (sd_listen_fds(3)): the caller's descriptors from 3 on are the container's. LISTEN_PID is
// set by the process itself, which alone knows the number that it will see.
void add_listen_fds(ProcessPlan& plan) {
  const char* count = std::getenv("LISTEN_FDS");
  if (count == nullptr) return;
  long long number = 0;
  if (!parse_number(count, number) || number < 0 || number > 1024) {
    throw Error(cat("LISTEN_FDS: expected a number of descriptors, found \"", printable(count), "\""));
  }
  if (number == 0) return;
  plan.listen_fds = static_cast<int>(number);
  plan.preserve_fds += plan.listen_fds;
  plan.env.push_back(cat("LISTEN_FDS=", number));
  if (const char* names = std::getenv("LISTEN_FDNAMES")) plan.env.push_back(cat("LISTEN_FDNAMES=", names));
}

// What the planners of the members say begins with the member's JSON pointer.
template <typename Fn>
auto in_config(Fn&& fn) {
  return with_context([] { return std::string("config.json"); }, std::forward<Fn>(fn));
}

}  // namespace

ProcessPlan plan_process(const ProcessInput& input) {
  const auto& p = input.process;
  ProcessPlan plan;
  plan.process = &p;
  if (p.args.empty() || p.args[0].empty()) {
    throw Error("config.json: /process/args: is empty, expected at least the program's name");
  }
  plan.env = p.env;
  for (std::size_t i = 0; i < p.env.size(); ++i) {
    const auto& variable = p.env[i];
    if (variable.find('=') == std::string::npos || variable.starts_with('=')) {
      throw Error(
          cat("config.json: /process/env/", i, ": expected NAME=VALUE, found \"", printable(variable), "\""));
    }
  }
  if (p.user.umask.value_or(0) > 0777) {
    throw Error(cat("config.json: /process/user/umask: ", *p.user.umask,
                    " is out of range, expected 0 to 511 (0777)"));
  }
  plan.preserve_fds = input.preserve_fds;
  add_listen_fds(plan);
  check_inherited_descriptors(plan.preserve_fds);
  // None named is none given, and not all that the caller has.
  plan.capabilities = plan_capabilities(p.capabilities.value_or(spec::Capabilities{}), input.user_namespace);
  plan.rlimits = in_config([&] { return plan_rlimits(p.rlimits); });
  if (p.scheduler) plan.scheduler = in_config([&] { return plan_scheduler(*p.scheduler); });
  if (p.io_priority) {
    plan.io_priority = in_config([&] { return plan_io_priority(*p.io_priority); });
  }
  in_config([&] { check_labels(p.apparmor_profile, p.selinux_label); });
  if (input.linux_part.seccomp) {
    plan.seccomp = in_config([&] { return compile_seccomp(*input.linux_part.seccomp); });
    if (plan.seccomp->notifies && input.linux_part.seccomp->listener_path.empty()) {
      throw Error("config.json: /linux/seccomp: SCMP_ACT_NOTIFY is used, but \"listenerPath\" is missing");
    }
  }
  if (input.linux_part.personality) plan.personality = plan_personality(*input.linux_part.personality);
  if (input.linux_part.memory_policy) {
    plan.memory_policy = in_config([&] { return plan_memory_policy(*input.linux_part.memory_policy); });
  }
  plan.session_keyring = input.session_keyring;
  plan.parent_sets_limits = input.user_namespace;
  return plan;
}

}  // namespace rocker::process
