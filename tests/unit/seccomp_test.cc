// linux.seccomp (rocker-runc/process/seccomp*.cc). What a program answers is asked of an interpreter for
// classic BPF, and what the kernel makes of it of a forked child.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "rocker-runc/process/seccomp.hh"
#include "rocker-runc/process/seccomp_plan.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

// bpf(4), as far as the kernel lets seccomp have it.
std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (i.k + 4 > sizeof data) return 0xdead0001;
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K: a &= i.k; break;
      case BPF_JMP | BPF_JA: pc += i.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JGT | BPF_K: pc += a > i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JSET | BPF_K: pc += a & i.k ? i.jt : i.jf; break;
      case BPF_RET | BPF_K: return i.k;
      default: return 0xdead0002;
    }
  }
  return 0xdead0003;  // ran off its end
}

std::uint32_t ask(const std::vector<sock_filter>& program, std::uint32_t arch, std::uint32_t number,
                  std::array<std::uint64_t, 6> args = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = arch;
  std::memcpy(data.args, args.data(), sizeof data.args);
  return run(program, data);
}

spec::Seccomp parse(const std::string& text) {
  spec::Linux linux_part;
  const auto document = json::Document::parse(cat("{\"seccomp\": ", text, "}"), "config.json");
  spec::read(document.root(), linux_part);
  return *linux_part.seccomp;
}

template <typename Fn>
std::string message_of(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string refusal(const std::string& text) {
  return message_of([&] { process::compile_seccomp(parse(text)); });
}

void expect_part(const std::string& text, const std::string& part) {
  cr_expect(text.find(part) != std::string::npos, "\"%s\" is not in \"%s\"", part.c_str(), text.c_str());
}

// Runs fn in a child that has the filter, and gives its exit status as a shell would.
template <typename Fn>
int in_child(const spec::Seccomp& profile, Fn fn) {
  const process::SeccompFilter filter = process::compile_seccomp(profile);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    try {
      process::load_seccomp(filter);
    } catch (...) {
      syscall(SYS_exit_group, 99);
    }
    syscall(SYS_exit_group, fn());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW, kill_thread = SECCOMP_RET_KILL_THREAD;
constexpr std::uint32_t fails_with(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// Two generations of the same, with the largest program that a test uses: conditions of every operator,
// docker's rules for clone, personality and socket, multiplexed system calls.
const char* const large = R"({
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  "syscalls": [
    {"names": ["accept", "accept4", "access", "bind", "brk", "chdir", "close", "connect", "dup", "dup2", "execve", "exit",
      "exit_group", "fcntl", "fork", "fstat", "futex", "getpid", "ioctl", "ipc", "lseek", "mmap", "mmap2", "msgget",
      "open", "openat", "pipe", "poll", "read", "recv", "recvfrom", "recvmmsg", "rt_sigaction", "rt_sigreturn", "semget",
      "semop", "semtimedop", "send", "sendmsg", "shmat", "shmdt", "shutdown", "stat", "waitpid", "write", "writev",
      "faccessat2", "close_range", "vm86", "not_a_system_call"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967295, "op": "SCMP_CMP_EQ"}]},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
      "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["madvise"], "action": "SCMP_ACT_TRAP", "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_LT"}]},
    {"names": ["mprotect"], "action": "SCMP_ACT_LOG", "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_LE"}]},
    {"names": ["mremap"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_GE"}]},
    {"names": ["msync"], "action": "SCMP_ACT_TRACE", "errnoRet": 7, "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_GT"}]},
    {"names": ["prctl"], "action": "SCMP_ACT_ALLOW", "args": [
      {"index": 0, "value": 8589934597, "op": "SCMP_CMP_GT"},
      {"index": 1, "value": 8589934597, "op": "SCMP_CMP_LE"},
      {"index": 5, "value": 1, "op": "SCMP_CMP_NE"}]}
  ]})";

}  // namespace

Test(seccomp, the_default_answers_what_no_rule_names) {
  const auto filter = process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["getcwd", "chmod"], "action": "SCMP_ACT_ERRNO"},
                 {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2}]})"));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_read) == allow);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_getcwd) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_mkdir) == fails_with(ENOENT));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 100000) == allow);
}

Test(seccomp, another_architecture_is_no_way_around_the_profile) {
  const auto filter = process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]})"));
  cr_expect(ask(filter.program, AUDIT_ARCH_I386, 15) == kill_thread);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 0x40000000 | SYS_chmod) == kill_thread);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, UINT32_MAX) == allow);
}

Test(seccomp, each_architecture_has_numbers_of_its_own) {
  const auto filter = process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]})"));
  cr_expect(ask(filter.program, AUDIT_ARCH_I386, 15) == fails_with(EPERM));  // chmod
  cr_expect(ask(filter.program, AUDIT_ARCH_I386, SYS_chmod) == allow);       // 90, mmap
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 0x40000000 | SYS_chmod) == fails_with(EPERM));
}

Test(seccomp, newer_than_the_profile_is_enosys) {
  const auto filter = process::compile_seccomp(parse(large));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_mkdir) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 439) == allow);  // faccessat2: the largest named
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 440) == fails_with(ENOSYS));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 999) == fails_with(ENOSYS));
  cr_expect(ask(filter.program, AUDIT_ARCH_I386, 440) == fails_with(ENOSYS));
  // Calls of x32 alone, ioctl for one, end at 547.
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 0x40000000 | 548) == fails_with(ENOSYS));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, 435) == fails_with(ENOSYS),
            "clone3, which the profile says");
}

Test(seccomp, enosys_is_also_for_killing_defaults_and_not_for_permissive_ones) {
  for (const char* action :
       {"SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"}) {
    const auto filter = process::compile_seccomp(
        parse(cat(R"({"defaultAction": ")", action,
                  R"(", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})")));
    cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_write) == fails_with(ENOSYS), "%s", action);
  }
  for (const char* action : {"SCMP_ACT_LOG", "SCMP_ACT_TRACE"}) {
    const auto filter = process::compile_seccomp(
        parse(cat(R"({"defaultAction": ")", action,
                  R"(", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})")));
    cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_write) != fails_with(ENOSYS), "%s", action);
  }
}

Test(seccomp, conditions_compare_all_64_bits) {
  const auto filter = process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 4294967301, "op": "SCMP_CMP_GE"}]},
    {"names": ["fchmod"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 4294967301, "op": "SCMP_CMP_EQ"}]},
    {"names": ["chown"], "action": "SCMP_ACT_ERRNO",
     "args": [{"index": 1, "value": 4294967552, "valueTwo": 4294967296, "op": "SCMP_CMP_MASKED_EQ"}]}]})"));
  auto chmod = [&](std::uint64_t mode) {
    return ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod, {0, mode});
  };
  cr_expect(chmod(4294967300) == allow);
  cr_expect(chmod(4294967301) == fails_with(EPERM));
  cr_expect(chmod(8589934592) == fails_with(EPERM), "a larger upper half, a smaller lower one");
  cr_expect(chmod(6) == allow);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_fchmod, {0, 5}) == allow);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_fchmod, {0, 4294967301}) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chown, {0, 4294967296 + 17}) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chown, {0, 4294967296 + 256}) == allow);
}

Test(seccomp, several_conditions_hold_together_and_several_on_one_argument_are_alternatives) {
  const auto filter = process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["chmod"], "action": "SCMP_ACT_ERRNO",
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]},
    {"names": ["chown"], "action": "SCMP_ACT_ERRNO",
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]})"));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod, {1, 2}) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod, {1, 3}) == allow);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod, {2, 2}) == allow);
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chown, {1}) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chown, {2}) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chown, {3}) == allow);
}

// The two generators are independent: what they agree on for every number, architecture and telling argument
// is what runc and crun make of the profile.
Test(seccomp, our_program_answers_as_libseccomps_does) {
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

Test(seccomp, a_rule_without_conditions_wins_as_in_libseccomp) {
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
Test(seccomp, every_name_has_the_numbers_that_libseccomp_gives_it) {
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

Test(seccomp, long_programs_need_long_jumps) {
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

Test(seccomp, actions_carry_their_errno) {
  const auto filter = process::compile_seccomp(
      parse(R"({"defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 12, "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_TRAP"}, {"names": ["write"], "action": "SCMP_ACT_KILL"},
    {"names": ["open"], "action": "SCMP_ACT_KILL_PROCESS"}, {"names": ["close"], "action": "SCMP_ACT_LOG"},
    {"names": ["stat"], "action": "SCMP_ACT_TRACE"}, {"names": ["fstat"], "action": "SCMP_ACT_KILL_THREAD"}]})"));
  auto answer = [&](std::uint32_t number) { return ask(filter.program, AUDIT_ARCH_X86_64, number); };
  cr_expect(answer(SYS_getpid) == (SECCOMP_RET_TRACE | 12));
  cr_expect(answer(SYS_read) == SECCOMP_RET_TRAP);
  cr_expect(answer(SYS_write) == SECCOMP_RET_KILL_THREAD);
  cr_expect(answer(SYS_open) == SECCOMP_RET_KILL_PROCESS);
  cr_expect(answer(SYS_close) == SECCOMP_RET_LOG);
  cr_expect(answer(SYS_stat) == (SECCOMP_RET_TRACE | EPERM));
  cr_expect(answer(SYS_fstat) == SECCOMP_RET_KILL_THREAD);
}

Test(seccomp, what_does_not_exist_is_refused_with_its_place) {
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_NOPE"})"),
              "/linux/seccomp/defaultAction: \"SCMP_ACT_NOPE\"");
  expect_part(
      refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "x"}]})"),
      "/linux/seccomp/syscalls/0/action");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]})"),
              "SCMP_ARCH_VAX");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_FAST"]})"),
              "SECCOMP_FILTER_FLAG_FAST");
  expect_part(
      refusal(
          R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO",
                "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]})"),
      "0 to 5, found 6");
  expect_part(
      refusal(
          R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO",
                "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_IS"}]}]})"),
      "SCMP_CMP_IS");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})"), "takes no errno");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000})"), "5000");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["read"], "action": "SCMP_ACT_KILL", "errnoRet": 1}]})"),
              "takes no errno");
}

Test(seccomp, notifications_that_would_stop_the_runtime_are_refused) {
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/s",
                "syscalls": [{"names": ["mkdir", "write"], "action": "SCMP_ACT_NOTIFY"}]})"),
              "can't be used for write");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/s"})"), "defaultAction");
  expect_part(
      refusal(
          R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]})"),
      "listenerPath");
  expect_part(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"})"), "listenerMetadata");
}

Test(seccomp, architectures_that_cannot_occur_are_skipped) {
  const auto filter = process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "SCMP_ARCH_AARCH64",
                      "SCMP_ARCH_S390X", "SCMP_ARCH_MIPS"],
    "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]})"));
  cr_expect(ask(filter.program, AUDIT_ARCH_X86_64, SYS_chmod) == fails_with(EPERM));
  cr_expect(ask(filter.program, AUDIT_ARCH_AARCH64, 1) == kill_thread);
}

Test(seccomp, the_kernel_takes_the_program) {
  cr_expect(
      in_child(
          parse(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                       "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "errnoRet": 9}]})"),
          [] {
            char buffer[64];
            return syscall(SYS_getcwd, buffer, sizeof buffer) == -1 ? errno : 50;
          }) == 9);
  cr_expect(in_child(parse(R"({"defaultAction": "SCMP_ACT_ALLOW",
                       "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                 "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
                       "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_KILL_PROCESS"}]})"),
                     [] { return static_cast<int>(syscall(SYS_getcwd, nullptr, 0)); }) == 128 + SIGSYS);
  cr_expect(in_child(parse(large), [] { return syscall(SYS_openat2, 0, 0, 0, 0) == -1 ? errno : 50; }) ==
            EPERM);
  cr_expect(in_child(parse(large), [] { return syscall(450) == -1 ? errno : 50; }) == ENOSYS);
}

Test(seccomp, a_listener_comes_back) {
  const auto filter =
      process::compile_seccomp(parse(R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/nowhere",
    "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]})"));
  cr_assert(filter.notifies);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const UniqueFd listener = process::load_seccomp(filter);
    _exit(listener.get() >= 0 && fcntl(listener.get(), F_GETFD) == FD_CLOEXEC ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  cr_expect(status == 0);
}

Test(seccomp, the_agent_gets_the_container_process_state_and_the_listener) {
  char folder[] = "/tmp/rocker-seccomp-test.XXXXXX";
  cr_assert(mkdtemp(folder) != nullptr);
  const std::string path = cat(folder, "/agent");
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  cr_assert(bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            listen(server, 1) == 0);

  spec::Seccomp profile;
  profile.listener_path = path;
  profile.listener_metadata = "a \"word\"";
  int ends[2];
  cr_assert(pipe(ends) == 0);
  process::send_seccomp_listener(profile, ends[1], 42, R"({"id":"c","status":"creating"})");

  const int connection = accept(server, nullptr, nullptr);
  char text[4096];
  union {
    char space[CMSG_SPACE(sizeof(int))];
    cmsghdr align;
  } control;
  iovec part{text, sizeof text};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.space;
  message.msg_controllen = sizeof control.space;
  const ssize_t got = recvmsg(connection, &message, 0);
  cr_assert(got > 0);
  const std::string payload(text, static_cast<std::size_t>(got));
  cr_expect(payload == R"({"ociVersion":"1.3.0","fds":["seccompFd"],"pid":42,"metadata":"a \"word\"",)"
                       R"("state":{"id":"c","status":"creating"}})",
            "%s", payload.c_str());
  int received = -1;
  cr_assert(CMSG_FIRSTHDR(&message) != nullptr);
  std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
  cr_expect(write(received, "x", 1) == 1 && read(ends[0], text, 1) == 1 && text[0] == 'x');
  cr_expect(read(connection, text, 1) == 0, "the connection is closed after it");
  close(server);
  expect_part(message_of([&] { process::send_seccomp_listener(profile, ends[1], 42, "{}"); }), path);
  unlink(path.c_str());
  rmdir(folder);
}
