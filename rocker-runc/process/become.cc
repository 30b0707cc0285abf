#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "rocker-runc/channel.hh"
#include "rocker-runc/process/exec.hh"
#include "rocker-runc/process/home.hh"
#include "rocker-runc/process/labels.hh"
#include "rocker-runc/process/plan.hh"
#include "rocker-runc/process/terminal.hh"
#include "spec/support/error.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

// A keyring of its own, so that the container can't read the keys of whoever started it. A kernel without
// keyrings, or a seccomp filter around the runtime that forbids them, has none to protect.
void join_session_keyring(const std::string& keyring) {
  if (keyring.empty()) return;
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, keyring.c_str(), 0, 0, 0) >= 0) return;
  if (errno == ENOSYS || errno == EPERM || errno == EACCES) return;
  auto error = system_error("make a session keyring");
  if (error.errno_value() == EDQUOT) {
    error.hint("raise the sysctl kernel.keys.maxkeys or use --no-new-keyring");
  }
  throw error;
}

// For a further process the container goes on, and only its program could not be executed: docker's statuses.
Error cwd_error(const ProcessPlan& plan) {
  auto error = system_error(cat("/process/cwd \"", printable(plan.process->cwd), "\""));
  if (plan.make_cwd) return error;
  const bool missing = error.errno_value() == ENOENT;
  if (missing) error.hint("only run and create make it");
  error.exit_status(missing ? 127 : 126);
  return error;
}

// The working directory, made when it is missing and may be. True when the process is in it already; false
// when root may not enter it (NFS, fuse) and the user has to try.
bool enter_directory(const ProcessPlan& plan) {
  const std::string& cwd = plan.process->cwd;
  if (::chdir(cwd.c_str()) == 0) return true;
  if (errno == EACCES) return false;
  if (errno == ENOENT && plan.make_cwd) {
    const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    with_context([&] { return cat("/process/cwd \"", printable(cwd), "\""); },
                 [&] { make_directories_in_root(root.get(), cwd, 0755); });
    if (::chdir(cwd.c_str()) == 0) return true;
  }
  throw cwd_error(plan);
}

// A descriptor of the host's that leaked into the container would make "/proc/self/fd/7/.." a working
// directory outside its root (CVE-2024-21626); the kernel then gives a path that is not absolute.
void check_directory() {
  char path[PATH_MAX];
  const long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length < 0) {
    if (errno == ENOENT) throw Error("/process/cwd: the directory is not in the container's root");
    throw system_error("getcwd");
  }
  if (path[0] != '/') throw Error("/process/cwd: the directory is not in the container's root");
}

void set_user(const spec::User& user) {
  // An empty list is set as well: the caller's groups are not the container's.
  if (::setgroups(user.additional_gids.size(), user.additional_gids.data()) < 0) {
    // user_namespaces(7): setgroups is denied in a namespace that an unprivileged user made.
    if (errno != EPERM || !user.additional_gids.empty()) {
      throw system_error("config.json: /process/user/additionalGids: setgroups");
    }
  }
  if (::setresgid(user.gid, user.gid, user.gid) < 0) {
    auto error = system_error(cat("config.json: /process/user/gid: setresgid to ", user.gid));
    if (error.errno_value() == EINVAL) error.hint("it is not mapped in the user namespace");
    throw error;
  }
  if (::setresuid(user.uid, user.uid, user.uid) < 0) {
    auto error = system_error(cat("config.json: /process/user/uid: setresuid to ", user.uid));
    if (error.errno_value() == EINVAL) error.hint("it is not mapped in the user namespace");
    throw error;
  }
}

void load_filter(const ProcessPlan& plan, const Channel& channel) {
  if (!plan.seccomp) return;
  const UniqueFd listener = load_seccomp(*plan.seccomp);
  if (!listener) return;
  channel.send(Message::seccomp_listener, listener.get());
  channel.expect(Message::listener_sent, "the seccomp listener could not be handed over");
}

// The runtime ignores SIGPIPE and blocks what it forwards; the process starts as if a shell had started it.
void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
}

// Closed and not only close-on-exec: while execve(2) looks for the program, a link of the image's to
// "/proc/self/fd/7/../bin/sh" would still lead through any directory of the host's that is open
// (CVE-2024-21626). The channel stays, by which an error of execve gets out.
void close_descriptors(int preserve_fds, int channel) {
  const auto first = static_cast<unsigned>(3 + preserve_fds), kept = static_cast<unsigned>(channel);
  if ((kept > first && ::close_range(first, kept - 1, 0) < 0) ||
      ::close_range(std::max(first, kept + 1), UINT_MAX, 0) < 0) {
    throw system_error("close_range");
  }
  for (int fd = 3; fd < 3 + preserve_fds; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0) ::fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
  }
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

// Before there is a filter that may know nothing of what it takes.
void set_home(std::vector<std::string>& env, uid_t uid, int proc_fd) {
  constexpr std::string_view name = "HOME=";
  for (auto variable = env.begin(); variable != env.end();) {
    if (variable->size() > name.size() && variable->starts_with(name)) return;
    variable = *variable == name ? env.erase(variable) : variable + 1;
  }
  env.push_back(cat(name, home_of(uid, proc_fd)));
}

}  // namespace

void become_process(const ProcessPlan& plan, const Pty* pty, int proc_fd, const Channel& channel) {
  const spec::Process& process = *plan.process;
  join_session_keyring(plan.session_keyring);
  if (plan.scheduler) apply_scheduler(*plan.scheduler);
  if (plan.io_priority) apply_io_priority(*plan.io_priority);
  if (plan.memory_policy) apply_memory_policy(*plan.memory_policy);
  if (!plan.parent_sets_limits) apply_rlimits(0, plan.rlimits);
  if (pty != nullptr) make_controlling_terminal(*pty, process.user.uid, process.user.gid);
  set_exec_labels(proc_fd, process.apparmor_profile, process.selinux_label);
  std::vector<std::string> env = plan.env;
  set_home(env, process.user.uid, proc_fd);
  // A filter may know nothing of close_range(2): before it.
  close_descriptors(plan.preserve_fds, channel.fd());
  const mode_t callers_mask = ::umask(0);  // not for the working directory that is made
  const bool inside = enter_directory(plan);
  ::umask(process.user.umask.value_or(callers_mask));

  // Without no_new_privs a filter needs CAP_SYS_ADMIN, which is about to go; with it, the filter comes last,
  // so that it need not allow what happens in between.
  if (!process.no_new_privileges) load_filter(plan, channel);
  drop_bounding(plan.capabilities);
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) throw system_error("prctl(PR_SET_KEEPCAPS)");
  set_user(process.user);
  set_capabilities(plan.capabilities);
  if (!inside && ::chdir(process.cwd.c_str()) < 0) throw cwd_error(plan);
  check_directory();
  if (plan.personality) apply_personality(*plan.personality);

  if (plan.listen_fds > 0) env.push_back(cat("LISTEN_PID=", ::getpid()));
  const std::string program = find_program(process.args[0], env);
  const auto argv = pointers(process.args);
  const auto envp = pointers(env);
  reset_signals();
  if (process.no_new_privileges) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) throw system_error("prctl(PR_SET_NO_NEW_PRIVS)");
    load_filter(plan, channel);
  }
  ::execve(program.c_str(), argv.data(), envp.data());
  throw explain_exec_failure(program, errno, env);
}

}  // namespace rocker::process
