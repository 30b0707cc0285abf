#include "rocker-runc/process/seccomp.hh"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "rocker-runc/process/seccomp_enosys.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

// Newer than the headers of some systems.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace rocker::process {

namespace {

template <typename Number>
struct Named {
  std::string_view name;
  Number value;
};

constexpr std::array<Named<std::uint32_t>, 9> actions{{{"SCMP_ACT_KILL", SCMP_ACT_KILL},
                                                       {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
                                                       {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
                                                       {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
                                                       {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
                                                       {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
                                                       {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
                                                       {"SCMP_ACT_LOG", SCMP_ACT_LOG},
                                                       {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY}}};

constexpr std::array<Named<scmp_compare>, 7> operators{{{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                        {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                        {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                        {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                        {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};

// 0: a name of the runtime spec 1.3 that the libseccomp we are built with does not know.
constexpr std::array<Named<std::uint32_t>, 23> architectures{
    {{"SCMP_ARCH_X86", SCMP_ARCH_X86},
     {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
     {"SCMP_ARCH_X32", SCMP_ARCH_X32},
     {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
     {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
     {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
     {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
     {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
     {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
     {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
     {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
     {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
     {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
     {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
     {"SCMP_ARCH_S390", SCMP_ARCH_S390},
     {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
     {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
     {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
     {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
#ifdef SCMP_ARCH_LOONGARCH64
     {"SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64},
#else
     {"SCMP_ARCH_LOONGARCH64", 0},
#endif
#ifdef SCMP_ARCH_M68K
     {"SCMP_ARCH_M68K", SCMP_ARCH_M68K},
#else
     {"SCMP_ARCH_M68K", 0},
#endif
#ifdef SCMP_ARCH_SH
     {"SCMP_ARCH_SH", SCMP_ARCH_SH},
     {"SCMP_ARCH_SHEB", SCMP_ARCH_SHEB}}};
#else
     {"SCMP_ARCH_SH", 0},
     {"SCMP_ARCH_SHEB", 0}}};
#endif

constexpr std::array<Named<unsigned>, 4> flag_names{
    {{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
     {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
     {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
     {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV}}};

template <typename Number, std::size_t N>
Number value_of(const std::array<Named<Number>, N>& table, const std::string& name, std::string_view member) {
  std::string all;
  for (const auto& entry : table) {
    if (entry.name == name) return entry.value;
    all += cat(all.empty() ? "" : ", ", entry.name);
  }
  throw Error(cat(member, ": \"", printable(name), "\" does not exist")).hint(cat("one of: ", all));
}

template <typename Number, std::size_t N>
std::vector<std::string> names_of(const std::array<Named<Number>, N>& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return names;
}

// The action with its errno in the low bits, as both libseccomp and the kernel have it.
std::uint32_t action_of(const std::string& name, std::optional<unsigned> errno_ret, std::string_view member) {
  const std::uint32_t action = value_of(actions, name, member);
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
    const std::uint32_t token = value_of(architectures, name, "linux.seccomp.architectures");
    if (token == 0 || std::find(possible.begin(), possible.end(), token) == possible.end()) {
      log::debug(cat("linux.seccomp.architectures: ", name, " can't occur on this kernel: skipped"));
    } else if (std::find(chosen.begin(), chosen.end(), token) == chosen.end()) {
      chosen.push_back(token);
    }
  }
  return chosen;
}

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// libseccomp gives -errno.
void check(int result, std::string_view what) {
  if (result < 0) throw system_error(cat("linux.seccomp: ", what), -result);
}

void add_rule(const Context& context, std::uint32_t action, int number, const std::string& name,
              const std::vector<scmp_arg_cmp>& args) {
  const int result =
      seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(args.size()), args.data());
  // -EEXIST: said before.
  if (result < 0 && result != -EEXIST) check(result, cat("adding a rule for ", name));
}

void add_rules(const Context& context, const spec::SeccompRule& rule, std::uint32_t action,
               const std::string& member) {
  std::vector<scmp_arg_cmp> args;
  bool repeated = false;  // two conditions on one argument
  for (const spec::SeccompArg& arg : rule.args) {
    if (arg.index > 5)
      throw Error(cat(member, ".args: a system call has the arguments 0 to 5, found ", arg.index));
    for (const scmp_arg_cmp& other : args) repeated = repeated || other.arg == arg.index;
    args.push_back({arg.index, value_of(operators, arg.op, cat(member, ".args")), arg.value, arg.value_two});
  }
  for (const std::string& name : rule.names) {
    if (name.empty()) throw Error(cat(member, ".names: the name of a system call is empty"));
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) {
      log::debug(cat(member, ": the system call ", printable(name), " is not known here: skipped"));
      continue;
    }
    if (!repeated) {
      add_rule(context, action, number, name, args);
      continue;
    }
    // libseccomp takes one condition an argument; several are alternatives, as runc and crun have them.
    for (const scmp_arg_cmp& arg : args) add_rule(context, action, number, name, {arg});
  }
}

std::vector<sock_filter> export_program(const Context& context) {
  UniqueFd fd(static_cast<int>(memfd_create("seccomp", MFD_CLOEXEC)));
  if (!fd) throw system_error("linux.seccomp: memfd_create");
  check(seccomp_export_bpf(context.get(), fd.get()), "compiling the filter");
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  const std::size_t bytes = program.size() * sizeof(sock_filter);
  if (::pread(fd.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    throw system_error("linux.seccomp: reading the compiled filter");
  }
  return program;
}

}  // namespace

SeccompFilter compile_seccomp(const spec::Seccomp& profile) {
  SeccompFilter filter;
  const std::uint32_t fallback =
      action_of(profile.default_action, profile.default_errno_ret, "linux.seccomp.defaultAction");
  if (fallback == SCMP_ACT_NOTIFY) {
    throw Error(
        "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY would stop rocker-runc before it could hand out the "
        "listener")
        .hint("name the system calls to be notified of");
  }
  for (const std::string& flag : profile.flags)
    filter.flags |= value_of(flag_names, flag, "linux.seccomp.flags");

  const std::vector<std::uint32_t> archs = plan_architectures(profile);
  Context context(seccomp_init(fallback));
  if (!context) throw Error("linux.seccomp: libseccomp can't make a filter");
  for (const std::uint32_t arch : archs) {
    const int result = seccomp_arch_add(context.get(), arch);
    if (result != -EEXIST) check(result, "adding an architecture");
  }

  std::size_t names = 0;
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const spec::SeccompRule& rule = profile.syscalls[i];
    const std::string member = cat("linux.seccomp.syscalls[", i, "]");
    const std::uint32_t action = action_of(rule.action, rule.errno_ret, cat(member, ".action"));
    if (rule.names.empty()) throw Error(cat(member, ".names: must have at least one entry"));
    names += rule.names.size();
    if (action == fallback) continue;  // libseccomp would refuse it
    if (action == SCMP_ACT_NOTIFY) {
      for (const std::string& name : rule.names) {
        // The listener is sent by these, and nobody could answer before.
        if (name == "write" || name == "sendmsg") {
          throw Error(cat(member, ": SCMP_ACT_NOTIFY can't be used for ", name,
                          ": rocker-runc itself needs it to hand out the listener"));
        }
      }
      filter.notifies = true;
    }
    add_rules(context, rule, action, member);
  }
  // A binary tree: a long profile is asked at every system call. libseccomp 2.5 gets it wrong without rules.
  if (names > 32) seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);

  filter.program = enosys_stub(profile, archs);
  const std::vector<sock_filter> rules = export_program(context);
  filter.program.insert(filter.program.end(), rules.begin(), rules.end());
  if (filter.program.size() > BPF_MAXINSNS) {
    throw Error(cat("linux.seccomp: the profile compiles to ", filter.program.size(),
                    " instructions, the kernel takes ", BPF_MAXINSNS));
  }
  // Only a filter with a listener may have it (seccomp(2)).
  if (!filter.notifies) filter.flags &= ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (!profile.listener_metadata.empty() && profile.listener_path.empty()) {
    throw Error("linux.seccomp.listenerMetadata: must not be set without listenerPath");
  }
  if (filter.notifies && profile.listener_path.empty()) {
    throw Error("linux.seccomp.listenerPath: SCMP_ACT_NOTIFY is used, but there is nobody to notify");
  }
  return filter;
}

std::vector<std::string> known_seccomp_actions() {
  return names_of(actions);
}
std::vector<std::string> known_seccomp_operators() {
  return names_of(operators);
}
std::vector<std::string> known_seccomp_flags() {
  return names_of(flag_names);
}

std::vector<std::string> known_seccomp_architectures() {
  std::vector<std::string> names;
  for (const auto& entry : architectures) {
    if (entry.value != 0) names.emplace_back(entry.name);
  }
  return names;
}

}  // namespace rocker::process
