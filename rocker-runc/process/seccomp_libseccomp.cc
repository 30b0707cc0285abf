#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>

#include "rocker-runc/process/seccomp_plan.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

constexpr std::uint32_t ret_enosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t x32_bit = 0x40000000;  // __X32_SYSCALL_BIT

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// libseccomp gives -errno.
void check(int result, std::string_view what) {
  if (result < 0) throw system_error(cat("/linux/seccomp: ", what), -result);
}

std::vector<sock_filter> export_program(const Context& context) {
  const UniqueFd fd(memfd_create("seccomp", MFD_CLOEXEC));
  if (!fd) throw system_error("/linux/seccomp: memfd_create");
  check(seccomp_export_bpf(context.get(), fd.get()), "compiling the filter");
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  const std::size_t bytes = program.size() * sizeof(sock_filter);
  if (::pread(fd.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    throw system_error("/linux/seccomp: reading the compiled filter");
  }
  return program;
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

// The largest number that the profile names for the architecture; -1 when it names none there.
int largest_number(const SeccompPlan& plan, std::uint32_t architecture) {
  int largest = -1;
  for (const SeccompCall& call : plan.calls) {
    // Negative: unknown, or there but on another architecture.
    largest = std::max(largest, seccomp_syscall_resolve_name_arch(architecture, call.name));
  }
  return largest;
}

}  // namespace

std::vector<sock_filter> compile_with_libseccomp(const SeccompPlan& plan) {
  const Context context(seccomp_init(plan.fallback));
  if (!context) throw Error("/linux/seccomp: libseccomp can't make a filter");
  for (const std::uint32_t architecture : plan.architectures) {
    const int result = seccomp_arch_add(context.get(), architecture);
    if (result != -EEXIST) check(result, "adding an architecture");
  }
  for (const SeccompCall& call : plan.calls) {
    const int number = seccomp_syscall_resolve_name(call.name);
    if (number == __NR_SCMP_ERROR || call.action == plan.fallback) continue;  // the latter it would refuse
    const std::vector<scmp_arg_cmp>& args = plan.conditions[call.conditions];
    const int result = seccomp_rule_add_array(context.get(), call.action, number,
                                              static_cast<unsigned>(args.size()), args.data());
    // -EEXIST: said before, and the first counts.
    if (result != -EEXIST) check(result, cat("adding a rule for ", call.name));
  }
  // A binary tree. libseccomp 2.5 gets it wrong without rules.
  if (plan.calls.size() > 32) seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  return export_program(context);
}

std::vector<sock_filter> enosys_stub(const SeccompPlan& plan) {
  if (!plan.newer_enosys) return {};
  int x32 = -1;
  for (const std::uint32_t architecture : plan.architectures) {
    if (architecture == SCMP_ARCH_X32) x32 = largest_number(plan, architecture);
  }
  std::vector<sock_filter> program;
  for (const std::uint32_t architecture : plan.architectures) {
    if (architecture == SCMP_ARCH_X32) continue;  // the kernel's name of it is x86-64, below
    const int largest = largest_number(plan, architecture);
    if (largest < 0 && !(architecture == SCMP_ARCH_X86_64 && x32 >= 0)) continue;

    std::vector<sock_filter> section{load(offsetof(seccomp_data, nr))};
    if (architecture == SCMP_ARCH_X86_64) {
      // x32 numbers have bit 30 set. Without x32 in the profile they belong to libseccomp, which kills.
      std::vector<sock_filter> native, other;
      if (largest >= 0) append_limit(native, static_cast<std::uint32_t>(largest));
      if (x32 >= 0) append_limit(other, static_cast<std::uint32_t>(x32));
      if (!other.empty()) {
        native.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(other.size())));
      }
      section.push_back(jump(BPF_JSET, x32_bit, native.size(), 0));
      section.insert(section.end(), native.begin(), native.end());
      section.insert(section.end(), other.begin(), other.end());
    } else {
      // setup(2), number 0, is how s390 says "a number that I don't know"; the call itself is long gone.
      if (architecture == SCMP_ARCH_S390 || architecture == SCMP_ARCH_S390X) {
        section.push_back(jump(BPF_JEQ, 0, 0, 1));
        section.push_back(BPF_STMT(BPF_RET | BPF_K, ret_enosys));
      }
      append_limit(section, static_cast<std::uint32_t>(largest));
    }
    program.push_back(load(offsetof(seccomp_data, arch)));
    program.push_back(jump(BPF_JEQ, architecture, 0, section.size()));
    program.insert(program.end(), section.begin(), section.end());
  }
  return program;
}

}  // namespace rocker::process
