// What the tests of seccomp share: a profile from its JSON, and an interpreter that is asked what a program
// answers.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "spec/config.hh"
#include "spec/json.hh"
#include "spec/support/str.hh"

namespace rocker::test {

// bpf(4), as far as the kernel lets seccomp have it.
inline std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
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

inline std::uint32_t ask(const std::vector<sock_filter>& program, std::uint32_t arch, std::uint32_t number,
                         std::array<std::uint64_t, 6> args = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = arch;
  std::memcpy(data.args, args.data(), sizeof data.args);
  return run(program, data);
}

inline spec::Seccomp parse(const std::string& text) {
  spec::Linux linux_part;
  const auto document = json::Document::parse(cat("{\"seccomp\": ", text, "}"), "config.json");
  spec::read(document.root(), linux_part);
  return *linux_part.seccomp;
}

inline constexpr std::uint32_t allow = SECCOMP_RET_ALLOW, kill_thread = SECCOMP_RET_KILL_THREAD;
constexpr std::uint32_t fails_with(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// Two generations of the same, with the largest program that a test uses: conditions of every operator,
// docker's rules for clone, personality and socket, multiplexed system calls.
inline constexpr const char* large = R"({
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

}  // namespace rocker::test
