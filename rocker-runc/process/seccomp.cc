#include "rocker-runc/process/seccomp.hh"

#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>

#include "rocker-runc/process/seccomp_names.hh"
#include "rocker-runc/process/seccomp_plan.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace rocker::process {

namespace {

// The action with its errno in the low bits, as both libseccomp and the kernel have it.
std::uint32_t action_of(const std::string& name, std::optional<unsigned> errno_ret, std::string_view member) {
  const std::uint32_t action = seccomp_action(name, member);
  const bool is_errno = action == SCMP_ACT_ERRNO(0);
  if (!is_errno && action != SCMP_ACT_TRACE(0)) {
    if (errno_ret) throw Error(cat(member, ": ", name, " takes no errno, found ", *errno_ret));
    return action;
  }
  const unsigned value = errno_ret.value_or(EPERM);
  const unsigned most = is_errno ? 4095 : 0xffff;  // MAX_ERRNO: the kernel would cut it
  if (value > most) throw Error(cat(member, ": the errno ", value, " of ", name, " is above ", most));
  return action | value;
}

// What the running kernel can be called as: only these can ever reach a filter, and every other one would
// only make the program longer.
std::vector<std::uint32_t> kernel_architectures() {
  const std::uint32_t native = seccomp_arch_native();
  switch (native) {
    case SCMP_ARCH_X86_64:
    case SCMP_ARCH_X32: return {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
    case SCMP_ARCH_X86:  // a 32-bit build may run on either kernel
      return {SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32};
    case SCMP_ARCH_AARCH64:
    case SCMP_ARCH_ARM: return {SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
    case SCMP_ARCH_MIPS64:
    case SCMP_ARCH_MIPS64N32:
    case SCMP_ARCH_MIPS: return {SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPS};
    case SCMP_ARCH_MIPSEL64:
    case SCMP_ARCH_MIPSEL64N32:
    case SCMP_ARCH_MIPSEL: return {SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL};
    case SCMP_ARCH_PPC64:
    case SCMP_ARCH_PPC: return {SCMP_ARCH_PPC64, SCMP_ARCH_PPC};
    case SCMP_ARCH_S390X:
    case SCMP_ARCH_S390: return {SCMP_ARCH_S390X, SCMP_ARCH_S390};
    case SCMP_ARCH_PARISC64:
    case SCMP_ARCH_PARISC: return {SCMP_ARCH_PARISC64, SCMP_ARCH_PARISC};
    default: return {native};
  }
}

// The profile's architectures that can occur, with the native one, which is always in (libseccomp adds it).
std::vector<std::uint32_t> plan_architectures(const spec::Seccomp& profile) {
  const std::vector<std::uint32_t> possible = kernel_architectures();
  std::vector<std::uint32_t> chosen{seccomp_arch_native()};
  for (const std::string& name : profile.architectures) {
    const std::uint32_t token = seccomp_architecture(name, "/linux/seccomp/architectures");
    if (token == 0 || std::find(possible.begin(), possible.end(), token) == possible.end()) {
      log::debug(cat("/linux/seccomp/architectures: ", name, " can't occur on this kernel: skipped"));
    } else if (std::find(chosen.begin(), chosen.end(), token) == chosen.end()) {
      chosen.push_back(token);
    }
  }
  return chosen;
}

// Adds the calls of one rule.
void plan_rule(SeccompPlan& plan, const spec::SeccompRule& rule, std::uint32_t action,
               const std::string& member) {
  std::vector<scmp_arg_cmp> args;
  bool repeated = false;  // two conditions on one argument
  for (const spec::SeccompArg& arg : rule.args) {
    if (arg.index > 5)
      throw Error(cat(member, "/args: a system call has the arguments 0 to 5, found ", arg.index));
    for (const scmp_arg_cmp& other : args) repeated = repeated || other.arg == arg.index;
    args.push_back({arg.index, seccomp_operator(arg.op, cat(member, "/args")), arg.value, arg.value_two});
  }
  auto add_calls = [&](std::size_t conditions) {
    for (const std::string& name : rule.names) {
      plan.calls.push_back({name.c_str(), action, static_cast<std::uint32_t>(conditions)});
    }
  };
  if (args.empty()) {
    add_calls(0);
  } else if (!repeated) {
    plan.conditions.push_back(std::move(args));
    add_calls(plan.conditions.size() - 1);
  } else {
    // Several on one argument are alternatives, as runc and crun have them.
    for (const scmp_arg_cmp& arg : args) {
      plan.conditions.push_back({arg});
      add_calls(plan.conditions.size() - 1);
    }
  }
}

// Answering EPERM to a system call that is newer than the profile breaks programs that would fall back on
// ENOSYS, as on an older kernel. Not where the default lets it through; a tracer is thought to know what is
// new, as in runc.
bool wants_enosys(std::uint32_t fallback) {
  const std::uint32_t kind = fallback & SECCOMP_RET_ACTION_FULL;
  return kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE &&
         fallback != (SECCOMP_RET_ERRNO | ENOSYS);
}

}  // namespace

SeccompPlan plan_seccomp(const spec::Seccomp& profile) {
  SeccompPlan plan;
  plan.fallback =
      action_of(profile.default_action, profile.default_errno_ret, "/linux/seccomp/defaultAction");
  if (plan.fallback == SCMP_ACT_NOTIFY) {
    throw Error(
        "/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY would stop rocker-runc before it could hand out the "
        "listener")
        .hint("name the system calls to be notified of");
  }
  plan.newer_enosys = wants_enosys(plan.fallback);
  plan.architectures = plan_architectures(profile);
  plan.conditions.emplace_back();
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const spec::SeccompRule& rule = profile.syscalls[i];
    const std::string member = cat("/linux/seccomp/syscalls/", i);
    const std::uint32_t action = action_of(rule.action, rule.errno_ret, cat(member, "/action"));
    if (rule.names.empty()) throw Error(cat(member, "/names: must have at least one entry"));
    for (const std::string& name : rule.names) {
      if (name.empty()) throw Error(cat(member, "/names: the name of a system call is empty"));
      // The number of the listener is told by it, and nobody could answer before.
      if (action == SCMP_ACT_NOTIFY && name == "write") {
        throw Error(cat(member, ": SCMP_ACT_NOTIFY can't be used for ", name,
                        ": rocker-runc itself needs it to hand out the listener"));
      }
    }
    plan_rule(plan, rule, action, member);
  }
  return plan;
}

SeccompFilter compile_seccomp(const spec::Seccomp& profile) {
  SeccompFilter filter;
  const SeccompPlan plan = plan_seccomp(profile);
  for (const std::string& flag : profile.flags) filter.flags |= seccomp_flag(flag, "/linux/seccomp/flags");
  for (const SeccompCall& call : plan.calls)
    filter.notifies = filter.notifies || call.action == SCMP_ACT_NOTIFY;

  if (can_generate_seccomp(plan)) {
    filter.program = generate_seccomp(plan);
  } else {
    filter.program = enosys_stub(plan);
    const std::vector<sock_filter> rules = compile_with_libseccomp(plan);
    filter.program.insert(filter.program.end(), rules.begin(), rules.end());
  }
  if (filter.program.size() > BPF_MAXINSNS) {
    throw Error(cat("/linux/seccomp: the profile compiles to ", filter.program.size(),
                    " instructions, the kernel takes ", BPF_MAXINSNS));
  }
  // Only a filter with a listener may have it (seccomp(2)).
  if (!filter.notifies) filter.flags &= ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (!profile.listener_metadata.empty() && profile.listener_path.empty()) {
    throw Error("/linux/seccomp/listenerMetadata: must not be set without listenerPath");
  }
  if (filter.notifies && profile.listener_path.empty()) {
    throw Error("/linux/seccomp/listenerPath: SCMP_ACT_NOTIFY is used, but there is nobody to notify");
  }
  return filter;
}

std::string libseccomp_version() {
  const scmp_version* v = ::seccomp_version();
  return cat(v->major, ".", v->minor, ".", v->micro);
}

}  // namespace rocker::process
