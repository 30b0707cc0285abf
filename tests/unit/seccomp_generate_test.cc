// The programs that we generate ourselves (rocker-runc/process/seccomp_generate.cc) against those of
// libseccomp.
#include <criterion/criterion.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "rocker-runc/process/seccomp.hh"
#include "rocker-runc/process/seccomp_plan.hh"
#include "spec/json.hh"
#include "spec/support/str.hh"
#include "tests/unit/seccomp_programs.hh"

using namespace rocker;
using namespace rocker::test;

// The two generators are independent: what they agree on for every number, architecture and telling argument
// is what runc and crun make of the profile.
Test(seccomp_generate, our_program_answers_as_libseccomps_does) {
  const spec::Seccomp profile = parse(large);
  const process::SeccompPlan plan = process::plan_seccomp(profile);
  cr_assert(process::can_generate_seccomp(plan));
  const auto ours = process::generate_seccomp(plan);
  auto theirs = process::enosys_stub(plan);
  const auto rest = process::compile_with_libseccomp(plan);
  theirs.insert(theirs.end(), rest.begin(), rest.end());

  const std::vector<std::uint64_t> values{0,          1,          2,          4,           5,
                                          6,          8,          13,         17,          23,
                                          40,         41,         256,        2114060288,  0x10000000,
                                          4294967295, 4294967296, 4294967301, 4294967304,  4294967336,
                                          8589934596, 8589934597, 8589934598, 12884901888, ~0ull};
  long compared = 0, different = 0;
  auto compare = [&](std::uint32_t arch, std::uint32_t number, const std::array<std::uint64_t, 6>& args) {
    ++compared;
    const std::uint32_t a = ask(ours, arch, number, args), b = ask(theirs, arch, number, args);
    if (a == b) return;
    if (++different <= 10) {
      cr_expect(false, "arch %x number %x args %llx %llx %llx: ours %x, libseccomp's %x", arch, number,
                static_cast<unsigned long long>(args[0]), static_cast<unsigned long long>(args[1]),
                static_cast<unsigned long long>(args[2]), a, b);
    }
  };
  const std::uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64};
  for (const std::uint32_t arch : archs) {
    for (std::uint32_t number = 0; number < 1100; ++number) {
      for (const std::uint32_t bits : {0u, 0x40000000u, 0x80000000u}) {
        for (const std::uint64_t value : values)
          compare(arch, number | bits, {value, value, value, 0, 0, value});
      }
    }
    for (const std::uint32_t number : {0u, 0x3fffffffu, 0x40000000u, 0x7fffffffu, 0x80000000u, 0xfffffffeu}) {
      compare(arch, number, {});
    }
  }
  for (const std::uint64_t a : values) {
    for (const std::uint64_t b : values) {
      for (const std::uint64_t c : values) {
        compare(AUDIT_ARCH_X86_64, SYS_prctl, {a, b, 0, 0, 0, c});
        compare(AUDIT_ARCH_I386, 172, {a & UINT32_MAX, b & UINT32_MAX, 0, 0, 0, c & UINT32_MAX});
      }
    }
  }
  cr_expect(different == 0, "%ld of %ld differ", different, compared);
}

Test(seccomp_generate, a_rule_without_conditions_wins_as_in_libseccomp) {
  const spec::Seccomp profile = parse(R"({"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]},
    {"names": ["write"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]},
    {"names": ["write"], "action": "SCMP_ACT_ALLOW"}]})");
  const process::SeccompPlan plan = process::plan_seccomp(profile);
  const auto ours = process::generate_seccomp(plan), theirs = process::compile_with_libseccomp(plan);
  for (const std::uint32_t number : {SYS_read, SYS_write}) {
    for (const std::uint64_t fd : {2, 3}) {
      cr_expect(ask(ours, AUDIT_ARCH_X86_64, number, {fd}) == ask(theirs, AUDIT_ARCH_X86_64, number, {fd}),
                "number %u, fd %lu: %x, libseccomp %x", number, static_cast<unsigned long>(fd),
                ask(ours, AUDIT_ARCH_X86_64, number, {fd}), ask(theirs, AUDIT_ARCH_X86_64, number, {fd}));
    }
  }
}

// Every name of every architecture with an errno of its own, so that no two can be mixed up.
Test(seccomp_generate, every_name_has_the_numbers_that_libseccomp_gives_it) {
  for (const char* args : {"", R"(, "args": [{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}])",
                           R"(, "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_NE"}])"}) {
    std::set<std::string> names;
    const std::uint32_t tables[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
    for (const std::uint32_t arch : tables) {
      for (int number = -250; number < 600; ++number) {
        char* name =
            seccomp_syscall_resolve_num_arch(arch, arch == SCMP_ARCH_X32 ? number | 0x40000000 : number);
        if (name != nullptr) names.insert(name);
        free(name);
      }
    }
    // Rules for these two would overlap with those of the calls in them: which comes first is nobody's
    // promise.
    if (*args != '\0') names.erase("socketcall"), names.erase("ipc");
    std::string rules;
    int error = 2;
    for (const std::string& name : names) {
      // libseccomp takes seconds for all of them with conditions.
      const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name.c_str());
      if (*args != '\0' && (number > -100 || number < -224) && ++error % 8 != 0) continue;
      rules += cat(rules.empty() ? "" : ",", R"({"names": [)", json::quote(name),
                   R"(], "action": "SCMP_ACT_ERRNO", "errnoRet": )", error++, args, "}");
    }
    cr_assert(names.size() > 400);
    const spec::Seccomp profile = parse(cat(R"({"defaultAction": "SCMP_ACT_ALLOW",
      "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [)",
                                            rules, "]}"));
    const process::SeccompPlan plan = process::plan_seccomp(profile);
    const auto ours = process::generate_seccomp(plan), theirs = process::compile_with_libseccomp(plan);
    int different = 0;
    const std::uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
    for (const std::uint32_t arch : archs) {
      for (std::uint32_t number = 0; number < 700; ++number) {
        for (const std::uint32_t bits : {0u, 0x40000000u}) {
          const bool multiplexed = arch == AUDIT_ARCH_I386 && (number == 102 || number == 117);
          for (std::uint64_t first = 0; first < (multiplexed ? 26 : 8); first += multiplexed ? 1 : 7) {
            for (const std::uint64_t second : {0, 7}) {
              const std::uint32_t a = ask(ours, arch, number | bits, {first, second});
              const std::uint32_t b = ask(theirs, arch, number | bits, {first, second});
              if (a != b && ++different < 10) {
                cr_expect(false, "arch %x number %x %lu: ours %x, libseccomp's %x", arch, number | bits,
                          static_cast<unsigned long>(first), a, b);
              }
            }
          }
        }
      }
    }
    cr_expect(different == 0, "%d%s", different, args);
  }
}

Test(seccomp_generate, long_programs_need_long_jumps) {
  // Every other number with a condition: no two make a range. Of every length, so that a jump has every
  // length.
  std::vector<std::string> rules;
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 0; number < 330; number += 2) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number));
    if (name == nullptr) continue;
    numbers.push_back(number);
    rules.push_back(cat(R"({"names": [)", json::quote(name),
                        R"(], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": )", number,
                        R"(, "op": "SCMP_CMP_GT"}]})"));
    free(name);
  }
  for (std::size_t count = 1; count <= rules.size(); ++count) {
    const std::vector<std::string> some(rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(count));
    const auto filter = process::compile_seccomp(
        parse(cat(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)", join(some, ","), "]}")));
    for (std::uint32_t number = 0; number < 330; ++number) {
      const bool named = number % 2 == 0 && number <= numbers[count - 1];
      const std::uint32_t fallback = number > numbers[count - 1] ? fails_with(ENOSYS) : fails_with(EPERM);
      cr_assert(ask(filter.program, AUDIT_ARCH_X86_64, number, {number}) == fallback, "%zu: %u", count,
                number);
      cr_assert(ask(filter.program, AUDIT_ARCH_X86_64, number, {number + 1}) == (named ? allow : fallback),
                "%zu: %u", count, number);
    }
  }
}
