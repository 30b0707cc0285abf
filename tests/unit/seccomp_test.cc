// linux.seccomp (rocker-runc/process/seccomp*.cc). What a program answers is asked of an interpreter for
// classic BPF, and what the kernel makes of it of a forked child.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "rocker-runc/process/seccomp.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "tests/unit/seccomp_programs.hh"

using namespace rocker;
using namespace rocker::test;

namespace {

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
