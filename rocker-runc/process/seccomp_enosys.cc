#include "rocker-runc/process/seccomp_enosys.hh"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <cerrno>
#include <cstddef>
#include <optional>

namespace rocker::process {

namespace {

constexpr std::uint32_t ret_enosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t x32_bit = 0x40000000;  // __X32_SYSCALL_BIT

// The largest number that the profile names for the architecture, whatever the action.
std::optional<std::uint32_t> largest_number(const spec::Seccomp& profile, std::uint32_t architecture) {
  int largest = -1;
  for (const spec::SeccompRule& rule : profile.syscalls) {
    for (const std::string& name : rule.names) {
      // Negative: unknown, or there but on another architecture.
      const int number = seccomp_syscall_resolve_name_arch(architecture, name.c_str());
      if (number > largest) largest = number;
    }
  }
  if (largest < 0) return std::nullopt;
  return static_cast<std::uint32_t>(largest);
}

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

sock_filter jump(unsigned short condition, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
  return BPF_JUMP(static_cast<unsigned short>(BPF_JMP | condition | BPF_K), value,
                  static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false));
}

void append_limit(std::vector<sock_filter>& out, std::uint32_t largest) {
  out.push_back(jump(BPF_JGT, largest, 0, 1));
  out.push_back(BPF_STMT(BPF_RET | BPF_K, ret_enosys));
}

}  // namespace

std::vector<sock_filter> enosys_stub(const spec::Seccomp& profile,
                                     const std::vector<std::uint32_t>& architectures) {
  const std::string& action = profile.default_action;
  // A tracer is thought to know what is new, as in runc.
  if (action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG" || action == "SCMP_ACT_TRACE") return {};
  if (action == "SCMP_ACT_ERRNO" && profile.default_errno_ret == static_cast<unsigned>(ENOSYS)) return {};

  std::optional<std::uint32_t> x32;
  for (const std::uint32_t architecture : architectures) {
    if (architecture == SCMP_ARCH_X32) x32 = largest_number(profile, architecture);
  }
  std::vector<sock_filter> program;
  for (const std::uint32_t architecture : architectures) {
    if (architecture == SCMP_ARCH_X32) continue;  // the kernel's name of it is x86-64, below
    const auto largest = largest_number(profile, architecture);
    if (!largest && !(architecture == SCMP_ARCH_X86_64 && x32)) continue;

    std::vector<sock_filter> section{load(offsetof(seccomp_data, nr))};
    if (architecture == SCMP_ARCH_X86_64) {
      // x32 numbers have bit 30 set. Without x32 in the profile they belong to libseccomp, which kills.
      std::vector<sock_filter> native, other;
      if (largest) append_limit(native, *largest);
      if (x32) append_limit(other, *x32 | x32_bit);
      if (!other.empty())
        native.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(other.size())));
      section.push_back(jump(BPF_JSET, x32_bit, native.size(), 0));
      section.insert(section.end(), native.begin(), native.end());
      section.insert(section.end(), other.begin(), other.end());
    } else {
      // setup(2), number 0, is how s390 says "a number that I don't know"; the call itself is long gone.
      if (architecture == SCMP_ARCH_S390 || architecture == SCMP_ARCH_S390X) {
        section.push_back(jump(BPF_JEQ, 0, 0, 1));
        section.push_back(BPF_STMT(BPF_RET | BPF_K, ret_enosys));
      }
      append_limit(section, *largest);
    }
    program.push_back(load(offsetof(seccomp_data, arch)));
    program.push_back(jump(BPF_JEQ, architecture, 0, section.size()));
    program.insert(program.end(), section.begin(), section.end());
  }
  return program;
}

}  // namespace rocker::process
