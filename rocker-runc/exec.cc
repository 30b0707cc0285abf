#include "rocker-runc/exec.hh"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rocker-runc/channel.hh"
#include "rocker-runc/hand_over.hh"
#include "rocker-runc/init.hh"
#include "rocker-runc/process/plan.hh"
#include "rocker-runc/process/terminal.hh"
#include "rocker-runc/process/unix_socket.hh"
#include "rocker-runc/start.hh"
#include "rocker-runc/supervise.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr char exec_is_gone[] = "the process ended before its program was executed (killed by a signal)";

// The namespaces in which the container's init is and we are not. Joining one's own user namespace is an
// error of the kernel's, and joining the others is work for nothing.
int other_namespaces(pid_t init) {
  struct Kind {
    int flag;
    const char* name;
  };
  constexpr Kind kinds[] = {{CLONE_NEWUSER, "user"},     {CLONE_NEWPID, "pid"},  {CLONE_NEWNET, "net"},
                            {CLONE_NEWNS, "mnt"},        {CLONE_NEWIPC, "ipc"},  {CLONE_NEWUTS, "uts"},
                            {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWTIME, "time"}};
  int flags = 0;
  for (const auto& [flag, name] : kinds) {
    struct stat theirs {
    }, ours{};
    // A kernel without time namespaces has no such file.
    if (::stat(cat("/proc/", init, "/ns/", name).c_str(), &theirs) < 0) continue;
    if (::stat(cat("/proc/self/ns/", name).c_str(), &ours) < 0 || ours.st_ino != theirs.st_ino) flags |= flag;
  }
  return flags;
}

class Execution {
 public:
  Execution(Container& container, const spec::Process& process, const ExecOptions& options)
      : container_(container),
        process_(process),
        options_(options),
        sub_cgroups_(options.sub_cgroups),
        config_(container.config()) {}

  int run() {
    lock_ = container_.lock(FileLock::Mode::shared);
    init_ = container_.init_pidfd();
    check();
    const pid_t init = container_.record().pid;
    const int namespaces = other_namespaces(init);
    process::ProcessPlan plan =
        process::plan_process({process_, config_.linux_, container_.record().session_keyring,
                               options_.preserve_fds, (namespaces & CLONE_NEWUSER) != 0});
    plan.make_cwd = false;
    const UniqueFd proc = open_path("/proc", O_PATH | O_DIRECTORY);
    if (!config_.linux_.creates(spec::NamespaceType::mount)) open_root(init);
    UniqueFd console, console_other;
    if (process_.terminal) make_console(console, console_other);
    if (!options_.detach) block_forwarded_signals();

    Channel mine, theirs;
    Channel::make(mine, theirs);
    clone(namespaces, plan, proc, mine, theirs, console_other);
    theirs.close();
    console_other.reset();
    try {
      place(mine);
      serve(plan, mine, proc.get());
    } catch (Error&) {
      sys::send_signal(pidfd_.get(), SIGKILL);
      ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), nullptr, WEXITED);
      throw;
    }
    lock_.release();
    UniqueFd master;
    if (console) master = process::receive_fd(console.get());
    if (options_.detach) return 0;
    return supervise(pid_, pidfd_, std::move(master));
  }

 private:
  // A container without a mount namespace of its own is a chroot: no namespace leads to its root.
  void open_root(pid_t init) {
    root_ = open_path(cat("/proc/", init, "/root"), O_PATH | O_DIRECTORY);
    // The number was still its own when the root was opened.
    if (!sys::send_signal(init_.get(), 0)) throw Error(cat("container \"", container_.id(), "\" has ended"));
  }

  void check() {
    const Status status = container_.status();
    paused_ = status == Status::paused;
    if (status == Status::stopped || status == Status::creating || !init_) {
      throw Error(cat("cannot exec in container \"", container_.id(), "\": container not running, it is ",
                      name(status)));
    }
    if (status == Status::paused && !options_.ignore_paused) {
      throw Error(cat("cannot exec in container \"", container_.id(), "\": it is paused"))
          .hint("resume it, or use --ignore-paused (the process will stand still until then)");
    }
    if (process_.terminal && options_.detach && options_.console_socket.empty()) {
      throw Error("a detached process has no terminal to use").hint("give --console-socket");
    }
    if (!options_.console_socket.empty() && (!process_.terminal || !options_.detach)) {
      throw Error("--console-socket: is for a detached process with a terminal");
    }
  }

  void make_console(UniqueFd& mine, UniqueFd& theirs) const {
    if (!options_.console_socket.empty()) {
      theirs = process::connect_console_socket(options_.console_socket);
      return;
    }
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) throw system_error("socketpair");
    mine.reset(fds[0]);
    theirs.reset(fds[1]);
  }

  // With the right to join the container's pid namespace from here, one clone is enough: its child is born
  // there and joins the rest by itself. Without (rootless), the user namespace comes first and a second clone
  // after it.
  void clone(int namespaces, const process::ProcessPlan& plan, const UniqueFd& proc, Channel& mine,
             Channel& theirs, const UniqueFd& console) {
    // The container's processes must not get at this one while it comes in (CVE-2016-9962).
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if ((namespaces & CLONE_NEWPID) != 0) {
      if (::setns(init_.get(), CLONE_NEWPID) == 0) {
        namespaces &= ~CLONE_NEWPID;
      } else if (errno == EPERM && (namespaces & CLONE_NEWUSER) != 0) {
        staged_ = true;
      } else {
        throw system_error("join the container's pid namespace");
      }
    }
    cgroup::Manager::Entry entry;
    // A paused group stops whoever enters it on the spot: then it is put in from here, so that this is known.
    if (sub_cgroups_.empty() && !paused_) entry = container_.cgroups().entry();
    set_affinity(0, process_.exec_cpu_affinity ? process_.exec_cpu_affinity->initial : "", "initial");
    sys::CloneResult child;
    try {
      child = sys::clone_process(0, entry.birth_fd);
    } catch (const Error& error) {
      // A container that has made groups of its own (EBUSY, "no internal processes"), or Linux before 5.7.
      if (entry.birth_fd < 0 || (error.errno_value() != EBUSY && error.errno_value() != E2BIG)) throw;
      entry = {};
      child = sys::clone_process(0);
    }
    if (child.pid == 0) {
      mine.close();
      // An OFD lock belongs to whoever has the descriptor, and this process lives on.
      lock_.release();
      inside(namespaces, entry, plan, proc, std::move(theirs), console);
    }
    pid_ = child.pid;
    pidfd_ = std::move(child.pidfd);
    in_cgroup_ = entry.possible;
  }

  void place(const Channel& mine) {
    // Stopped with a copy of our lock in hand, it would keep from the container whoever is to resume it.
    if (paused_) mine.expect(Message::let_go, exec_is_gone);
    if (!in_cgroup_) container_.cgroups().join(pid_, sub_cgroups_, container_.record().pid);
    // It goes on when the container is resumed: whoever does that, or deletes it, is not to wait for this.
    if (paused_) lock_.release();
    mine.send(Message::go);
    if (staged_) {
      const auto packet = mine.expect(Message::init_pid, exec_is_gone);
      const pid_t stage = std::exchange(pid_, static_cast<pid_t>(packet.number));
      UniqueFd process = sys::open_pidfd(pid_);
      if (!process) throw system_error("open the pidfd of the process");
      sys::wait_child(stage);
      pidfd_ = std::move(process);
      mine.send(Message::go);
    }
  }

  static void set_affinity(pid_t pid, const std::string& list, const char* member) {
    if (list.empty()) return;
    const std::string what = cat("/process/execCPUAffinity/", member);
    process::set_cpu_affinity(pid, process::parse_cpu_list(list, what));
  }

  [[noreturn]] void inside(int namespaces, const cgroup::Manager::Entry& entry,
                           const process::ProcessPlan& plan, const UniqueFd& proc, Channel channel,
                           const UniqueFd& console) const {
    prepare_clone();
    try {
      cgroup::enter(entry);
      if (paused_) channel.send(Message::let_go);
      channel.expect(Message::go, exec_is_gone);
      if (namespaces != 0 && ::setns(init_.get(), namespaces) < 0)
        throw system_error("join the container's namespaces");
      if (root_ && (::fchdir(root_.get()) < 0 || ::chroot(".") < 0))
        throw system_error("enter the container's root");
      if ((namespaces & CLONE_NEWUSER) != 0) become_namespace_root();
      if (staged_) {
        const auto child = sys::clone_process(0, -1, true);
        if (child.pid != 0) {
          channel.send(Message::init_pid, child.pid);
          ::_exit(0);
        }
        prepare_clone();
        // Born before the stage has said its pid, it is not to speak first.
        channel.expect(Message::go, exec_is_gone);
      }
      if (process_.exec_cpu_affinity && !process_.exec_cpu_affinity->final.empty()) {
        set_affinity(0, process_.exec_cpu_affinity->final, "final");
      } else if (!process_.exec_cpu_affinity || process_.exec_cpu_affinity->initial.empty()) {
        process::reset_cpu_affinity(0);
      }
      if (::setsid() < 0) throw system_error("setsid");
      process::Pty pty;
      if (process_.terminal) {
        pty = process::open_pty(process_.console_size);
        process::send_console(console.get(), pty);
        pty.master.reset();
      }
      channel.send(Message::created);
      channel.expect(Message::start, exec_is_gone);
      ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
      process::become_process(plan, pty.slave ? &pty : nullptr, proc.get(), channel);
    } catch (const Error& error) {
      try {
        channel.send_error(error);
      } catch (const Error&) {
        log::error(error.what());
      }
      ::_exit(error.exit_status());
    }
  }

  void serve(const process::ProcessPlan& plan, Channel& channel, int proc) {
    channel.expect(Message::created, exec_is_gone);
    if (process_.oom_score_adj) {
      write_existing(proc, cat(pid_, "/oom_score_adj"), std::to_string(*process_.oom_score_adj));
    }
    if (plan.parent_sets_limits) process::apply_rlimits(pid_, plan.rlimits);
    if (!options_.pid_file.empty()) write_pid_file(options_.pid_file, pid_);
    if (!options_.pidfd_socket.empty()) send_pidfd(options_.pidfd_socket, pidfd_.get());
    channel.send(Message::start);
    attend_until_exec(channel, pidfd_, pid_, config_,
                      spec::write_state(container_.oci_state(name(Status::running))));
  }

  Container& container_;
  const spec::Process& process_;
  const ExecOptions& options_;
  const cgroup::SubCgroups sub_cgroups_;
  const spec::Config config_;
  UniqueFd init_;
  UniqueFd root_;
  FileLock lock_;
  bool staged_ = false;
  bool in_cgroup_ = false;
  bool paused_ = false;
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

}  // namespace

int exec_in_container(Container& container, const spec::Process& process, const ExecOptions& options) {
  return Execution(container, process, options).run();
}

}  // namespace rocker
