#include "rocker-runc/init.hh"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rocker-runc/hooks.hh"
#include "rocker-runc/net_devices.hh"
#include "rocker-runc/process/attributes.hh"
#include "rocker-runc/process/descriptors.hh"
#include "rocker-runc/process/exec.hh"
#include "rocker-runc/process/terminal.hh"
#include "rocker-runc/rootfs/apply.hh"
#include "rocker-runc/start_gate.hh"
#include "rocker-runc/sys/mount.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr char parent_is_gone[] = "the runtime that makes this container is gone";

// config-linux.md, "Default Devices": the terminal is bound to /dev/console.
void bind_console(const process::Pty& pty) {
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const Parent parent = open_parent_in_root(root.get(), "/dev/console", true);
  const UniqueFd made(
      ::openat(parent.dir.get(), parent.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0620));
  if (!made && errno != EEXIST) throw system_error("make /dev/console");
  const UniqueFd place(::openat(parent.dir.get(), parent.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!place) throw system_error("open /dev/console");
  const UniqueFd tree = sys::clone_tree(pty.slave.get(), "", false);
  with_context([] { return std::string("bind /dev/console"); },
               [&] { sys::attach(tree.get(), place.get()); });
}

class Init {
 public:
  Init(InitPlan& plan, Channel channel) : plan_(plan), channel_(std::move(channel)) {}

  [[noreturn]] void run() {
    if (!plan_.namespaces.staged) cgroup::enter(plan_.cgroup);
    channel_.expect(Message::go, parent_is_gone);
    // In its cgroup now: the CPUs are those of its cpuset, not the ones that the caller happened to run on.
    process::reset_cpu_affinity(0);
    enter_namespaces();
    make_root();
    wait_for_start();
    if (!config().hooks.start_container.empty()) {
      run_hooks(config().hooks.start_container, "startContainer", state("created"), "/");
      channel_.send(Message::hooks_done);
    }
    process::become_process(plan_.process, nullptr, plan_.proc.get(), channel_);
  }

  const Channel& channel() const { return channel_; }

 private:
  const spec::Config& config() const { return *plan_.config; }

  std::string state(const char* status) const {
    spec::State state = plan_.state;
    state.status = status;
    state.pid = ::getpid();  // "as seen by the container"
    return spec::write_state(state);
  }

  void enter_namespaces() {
    if (!plan_.namespaces.staged) {
      if (plan_.namespaces.new_user) become_namespace_root();
      join_namespaces(plan_.namespaces.joins);
    }
    // Not with the clone: it shows the group of whoever makes it, and this process is in its own only now.
    if (plan_.namespaces.new_cgroup && ::unshare(CLONE_NEWCGROUP) < 0)
      throw system_error("unshare the cgroup namespace");
    if (::setsid() < 0) throw system_error("setsid");
    if (plan_.namespaces.new_network) set_loopback_up();
  }

  void make_root() {
    rootfs::Context context;
    context.proc.reset(::fcntl(plan_.proc.get(), F_DUPFD_CLOEXEC, 3));
    context.user_namespace = plan_.namespaces.has_user();
    context.run_hooks = [&](const rootfs::RunHooks& step) {
      if (step.runtime) {
        channel_.send(Message::mounts_ready);
        channel_.expect(Message::hooks_done, parent_is_gone);
      }
      if (step.container) {
        run_hooks(config().hooks.create_container, "createContainer", state("creating"), plan_.state.bundle);
      }
    };
    context.after_pivot = [&] {
      if (config().process && config().process->terminal) {
        const process::Pty pty = process::open_pty(config().process->console_size);
        bind_console(pty);
        process::send_console(plan_.console_socket.get(), pty);
        // Now and not at start: whoever reads the output of `create` waits until nobody has it open any more.
        process::make_controlling_terminal(pty, config().process->user.uid, config().process->user.gid);
        plan_.console_socket.reset();
      }
    };
    rootfs::apply(plan_.steps, context);
  }

  void wait_for_start() {
    // create needs no process, start does (config.md, "Process").
    if (plan_.process.process != nullptr)
      process::check_program(plan_.process.process->args[0], plan_.process.env);
    // From here on the container outlives the command that made it.
    ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    if (plan_.start_socket) {
      process::close_all_but(
          {channel_.fd(), plan_.start_socket.get(), plan_.proc.get(), log::file_descriptor()},
          plan_.process.preserve_fds);
    }
    channel_.send(Message::created);
    if (plan_.start_socket) {
      // One that nobody knows of must not wait for ever: a create that was killed.
      channel_.expect(Message::recorded, parent_is_gone);
      channel_ = StartGate::wait(plan_.start_socket.get());
      plan_.start_socket.reset();
    } else {
      channel_.expect(Message::start, parent_is_gone);
    }
  }

  InitPlan& plan_;
  Channel channel_;
};

// The edge of a clone: whatever goes wrong inside is told to the parent, and only there.
template <typename Fn>
[[noreturn]] void at_the_edge(const Fn& fn, const std::function<const Channel&()>& channel) {
  try {
    fn();
  } catch (const Error& error) {
    try {
      channel().send_error(error);
    } catch (const Error&) {
      // Nobody listens any more: the program's own words are the last resort.
      log::error(error.what());
    }
    ::_exit(error.exit_status());
  } catch (const std::exception& error) {
    log::error(error.what());
  }
  ::_exit(1);
}

}  // namespace

void prepare_clone() {
  // A runtime that is killed while it makes a container takes the half-made one with it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void run_init(InitPlan& plan, Channel channel) {
  Init init(plan, std::move(channel));
  at_the_edge([&] { init.run(); }, [&]() -> const Channel& { return init.channel(); });
}

void run_stage(InitPlan& plan, Channel channel) {
  at_the_edge(
      [&] {
        cgroup::enter(plan.cgroup);
        channel.expect(Message::go, parent_is_gone);
        NamespacePlan& namespaces = plan.namespaces;
        join_namespaces(namespaces.joins);
        std::uint64_t flags = namespaces.clone_flags;
        if (namespaces.new_user) {
          if (::unshare(CLONE_NEWUSER) < 0) {
            throw system_error("make a user namespace").hint(user_namespace_hint());
          }
          flags &= ~static_cast<std::uint64_t>(CLONE_NEWUSER);
          // unshare(2) leaves the process undumpable for its parent's /proc; it has to write the maps there.
          channel.send(Message::userns_made);
          channel.expect(Message::go, parent_is_gone);
          become_namespace_root();
        }
        if (namespaces.new_time) {
          if (::unshare(CLONE_NEWTIME) < 0) throw system_error("make a time namespace");
          write_time_offsets(namespaces.time_offsets);
        }
        const auto child = sys::clone_process(flags, -1, true);
        if (child.pid == 0) {
          prepare_clone();
          run_init(plan, std::move(channel));
        }
        channel.send(Message::init_pid, child.pid);
        ::_exit(0);
      },
      [&]() -> const Channel& { return channel; });
}

}  // namespace rocker
