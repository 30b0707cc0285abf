#include "rocker-runc/process/seccomp_names.hh"

#include <linux/seccomp.h>

#include <array>
#include <vector>

#include "rocker-runc/process/seccomp.hh"
#include "spec/support/error.hh"
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

}  // namespace

std::uint32_t seccomp_action(const std::string& name, std::string_view member) {
  return value_of(actions, name, member);
}
scmp_compare seccomp_operator(const std::string& name, std::string_view member) {
  return value_of(operators, name, member);
}
unsigned seccomp_flag(const std::string& name, std::string_view member) {
  return value_of(flag_names, name, member);
}
std::uint32_t seccomp_architecture(const std::string& name, std::string_view member) {
  return value_of(architectures, name, member);
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
