#include "rocker-runc/create.hh"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "rocker-runc/hand_over.hh"
#include "rocker-runc/hooks.hh"
#include "rocker-runc/init.hh"
#include "rocker-runc/net_devices.hh"
#include "rocker-runc/notify_socket.hh"
#include "rocker-runc/process/terminal.hh"
#include "rocker-runc/process/unix_socket.hh"
#include "rocker-runc/rootfs/plan.hh"
#include "rocker-runc/start_gate.hh"
#include "rocker-runc/sys/mount.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/clock.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr char init_is_gone[] =
    "the container's init ended without a word (killed by a signal: out of memory, or a seccomp filter)";

// The host's /proc, by which labels, sysctls and maps are written, known to be a procfs.
UniqueFd open_proc() {
  UniqueFd proc = open_path("/proc", O_PATH | O_DIRECTORY);
  struct statfs fs {};
  if (::fstatfs(proc.get(), &fs) < 0) throw system_error("statfs /proc");
  if (fs.f_type != PROC_SUPER_MAGIC) throw Error("/proc: is not a procfs");
  return proc;
}

void check_console(const CreateOptions& options, const spec::Config& config) {
  const bool terminal = config.process && config.process->terminal;
  if (terminal && options.detach && options.console_socket.empty()) {
    throw Error("config.json: /process/terminal: a detached container has no terminal to use")
        .hint("give --console-socket, or set \"terminal\" to false");
  }
  if (!options.console_socket.empty() && (!terminal || !options.detach)) {
    throw Error("--console-socket: is for a detached container whose /process/terminal is true");
  }
}

// config-linux.md, "Cgroup ownership": only for a cgroup that the container itself may write to.
std::optional<uid_t> cgroup_owner(const spec::Config& config) {
  if (!config.process || !config.linux_.creates(spec::NamespaceType::cgroup)) return std::nullopt;
  const bool writable = std::any_of(config.mounts.begin(), config.mounts.end(), [](const spec::Mount& m) {
    return m.type.starts_with("cgroup") && m.destination == "/sys/fs/cgroup" &&
           std::find(m.options.begin(), m.options.end(), "ro") == m.options.end();
  });
  if (!writable) return std::nullopt;
  const uid_t uid = config.process->user.uid;
  for (const auto& map : config.linux_.uid_mappings) {
    if (uid >= map.container_id && uid - map.container_id < map.size)
      return map.host_id + (uid - map.container_id);
  }
  return config.linux_.uid_mappings.empty() ? std::optional<uid_t>(uid) : std::nullopt;
}

// Gives the detached trees of idmapped mounts their mapping.
void apply_id_mapped_mounts(rootfs::Plan& steps, const spec::Config& config, pid_t init) {
  for (auto& step : steps) {
    auto* bind = std::get_if<rootfs::BindMount>(&step.action);
    if (bind == nullptr || bind->options.idmap == rootfs::MountOptions::IdMap::none) continue;
    with_context([&] { return cat("config.json: ", step.origin); },
                 [&] {
                   if (!bind->tree) throw Error("option \"idmap\": needs CAP_SYS_ADMIN on the host");
                   long long index = 0;
                   parse_number(std::string_view(step.origin).substr(8), index);  // "/mounts/N"
                   const auto& mount = config.mounts[static_cast<std::size_t>(index)];
                   const UniqueFd userns = mount.uid_mappings.empty()
                                               ? open_path(cat("/proc/", init, "/ns/user"), O_RDONLY)
                                               : make_user_namespace(mount.uid_mappings, mount.gid_mappings);
                   sys::MountAttributes attributes;
                   attributes.set = MOUNT_ATTR_IDMAP;
                   attributes.userns_fd = userns.get();
                   try {
                     sys::set_attributes(bind->tree.get(), attributes,
                                         bind->options.idmap == rootfs::MountOptions::IdMap::recursive);
                   } catch (Error& error) {
                     if (error.errno_value() == EINVAL) {
                       error.hint("the file system of the source does not support idmapped mounts");
                     }
                     throw error.context(cat("idmap ", bind->source));
                   }
                 });
  }
}

class Creation {
 public:
  explicit Creation(const CreateOptions& options) : options_(options) {}

  Created make() {
    const std::string bundle = absolute_path(options_.bundle);
    spec::Config config = spec::load_config(bundle, &config_text_, options_.config);
    check_console(options_, config);
    Record record;
    record.id = options_.id;
    record.bundle = bundle;
    record.rootfs = absolute_path(config.root.path.starts_with('/') ? config.root.path
                                                                    : cat(bundle, "/", config.root.path));
    record.created = utc_now();
    record.owner = ::geteuid();
    record.annotations = config.annotations;
    if (!options_.no_new_keyring) record.session_keyring = cat("_ses.", options_.id);

    Container container = Container::make(options_.root, std::move(record));
    // Whatever goes wrong from here on, the container is destroyed and its poststop hooks undo what an engine
    // has made for it, as runc does ("continue the lifecycle at step 12": runtime.md, "Lifecycle").
    Defer poststop([&] {
      run_hooks_to_the_end(config.hooks.poststop, "poststop",
                           spec::write_state(container.oci_state(name(Status::stopped))), bundle);
    });
    Defer forget([&] {
      try {
        container.remove_directory();
      } catch (const Error& error) {
        log::warn(error.what());
      }
    });
    lock_ = container.lock();
    // What can be found wrong with the config alone is, before there are cgroups and processes.
    InitPlan plan;
    plan.config = &config;
    plan.namespaces = plan_namespaces(config.linux_);
    if (config.process) {
      plan.process =
          process::plan_process({*config.process, config.linux_, container.record().session_keyring,
                                 options_.preserve_fds, plan.namespaces.has_user()});
    }
    make_cgroups(container, config);
    Defer no_cgroups([&] {
      try {
        manager_->remove();
      } catch (const Error& error) {
        log::warn(error.what());
      }
    });
    container.record().notify_socket =
        NotifySocket::prepare(container.path("notify"), config, plan.process.env);
    prepare_plan(plan, container, config);
    if (options_.detach && !options_.start_at_once)
      plan.start_socket = StartGate::listen(container.directory_fd());
    UniqueFd console;
    if (config.process && config.process->terminal) console = prepare_console(plan);

    Channel mine, theirs;
    Channel::make(mine, theirs);
    clone(plan, mine, theirs);
    theirs.close();
    try {
      attend(plan, container, config, mine);
      finish(container, config);
      if (plan.start_socket) mine.send(Message::recorded);
      if (console) {
        const UniqueFd socket = std::move(console);
        console = process::receive_fd(socket.get());
      }
    } catch (Error& error) {
      sys::send_signal(pidfd_.get(), SIGKILL);
      explain_silent_end(error);
      ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), nullptr, WEXITED);
      kill_rest();
      remove_intel_rdt(container.record().intel_rdt);
      throw;
    }
    poststop.dismiss();
    forget.dismiss();
    no_cgroups.dismiss();
    return {std::move(container), std::move(config), std::move(pidfd_), std::move(mine), std::move(console)};
  }

 private:
  void make_cgroups(Container& container, const spec::Config& config) {
    cgroup::Request request;
    request.container_id = options_.id;
    request.cgroups_path = config.linux_.cgroups_path;
    request.resources = config.linux_.resources ? &*config.linux_.resources : nullptr;
    request.annotations = &config.annotations;
    request.driver = options_.cgroup_driver;
    request.rootless = options_.rootless;
    request.owner = cgroup_owner(config);
    manager_ = cgroup::Manager::plan(request);
    // First, so that `delete --force` finds what a crash leaves; it may be another container's until then.
    container.record().cgroup = manager_->saved();
    container.record().cgroup.pending = true;
    container.save();
    container.save_config(config_text_);
    manager_->create();
    // What an ordinary user may not make is none of the container's groups.
    container.record().cgroup = manager_->saved();
  }

  void prepare_plan(InitPlan& plan, const Container& container, const spec::Config& config) {
    plan.state = container.oci_state(name(Status::creating));
    plan.proc = open_proc();
    rootfs::PlanInput input{config, container.record().bundle, options_.no_pivot, {}, false};
    const bool shows_cgroups =
        std::any_of(config.mounts.begin(), config.mounts.end(),
                    [](const spec::Mount& m) { return m.type == "cgroup" || m.type == "cgroup2"; });
    if (shows_cgroups) input.hierarchies = manager_->hierarchies();
    input.hooks_in_runtime = !config.hooks.prestart.empty() || !config.hooks.create_runtime.empty();
    plan.steps = rootfs::make_plan(input);
    if (!plan.namespaces.new_user && !plan.namespaces.joined_user)
      apply_id_mapped_mounts(plan.steps, config, ::getpid());
  }

  // Where init sends the terminal's master: the caller's socket, or our own when the terminal is served here.
  UniqueFd prepare_console(InitPlan& plan) const {
    if (!options_.console_socket.empty()) {
      plan.console_socket = process::connect_console_socket(options_.console_socket);
      return UniqueFd();
    }
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) throw system_error("socketpair");
    plan.console_socket.reset(fds[1]);
    return UniqueFd(fds[0]);
  }

  void clone(InitPlan& plan, Channel& mine, Channel& theirs) {
    // A process that other containers' processes may look at (a shared pid namespace) is not theirs to trace
    // or to read. Not when rootless: the parent could then not write the id maps.
    if (!options_.rootless) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    auto& namespaces = plan.namespaces;
    const UniqueFd own_time =
        namespaces.new_time && !namespaces.staged ? enter_new_time(namespaces) : UniqueFd();
    const std::uint64_t flags = namespaces.staged ? 0 : namespaces.clone_flags;
    plan.cgroup = manager_->entry();
    sys::CloneResult child;
    try {
      child = sys::clone_process(flags, plan.cgroup.birth_fd);
    } catch (Error& error) {
      if (namespaces.new_user) error.hint(user_namespace_hint());
      throw error.context("make the container's namespaces");
    }
    if (child.pid == 0) {
      mine.close();
      // An OFD lock belongs to whoever has the descriptor: this process lives longer than the command.
      lock_.release();
      prepare_clone();
      if (namespaces.staged) run_stage(plan, std::move(theirs));
      run_init(plan, std::move(theirs));
    }
    // This process itself, and the hooks that it will run, stay in the time namespace of the host.
    if (own_time) sys::join_namespace(own_time.get(), CLONE_NEWTIME, "own time namespace");
    pid_ = child.pid;
    pidfd_ = std::move(child.pidfd);
  }

  // A time namespace is made for children only, and frozen when the first one enters.
  static UniqueFd enter_new_time(const NamespacePlan& namespaces) {
    UniqueFd own = open_path("/proc/self/ns/time", O_RDONLY);
    if (::unshare(CLONE_NEWTIME) < 0) throw system_error("make a time namespace");
    write_time_offsets(namespaces.time_offsets);
    return own;
  }

  void attend(InitPlan& plan, Container& container, const spec::Config& config, Channel& channel) {
    const auto& namespaces = plan.namespaces;
    if (!plan.cgroup.possible) {
      manager_->join(pid_);
      // Where systemd has put it is known only now.
      container.record().cgroup = manager_->saved();
    }
    if (namespaces.staged) {
      channel.send(Message::go);
      enter_stage(plan, config, channel);
    } else if (namespaces.new_user) {
      write_id_maps(pid_, namespaces);
    }
    if (namespaces.has_user()) apply_id_mapped_mounts(plan.steps, config, pid_);
    adjust_process(plan, container, config);
    // Hooks take their time and start processes in the group, which a crash in between leaves: `delete
    // --force` is to know that the group is this container's.
    if (!config.hooks.prestart.empty() || !config.hooks.create_runtime.empty() ||
        !config.hooks.create_container.empty()) {
      container.save();
    }
    channel.send(Message::go);
    const bool in_runtime = !config.hooks.prestart.empty() || !config.hooks.create_runtime.empty();
    if (in_runtime) {
      channel.expect(Message::mounts_ready, init_is_gone);
      container.record().pid = pid_;
      const std::string state = spec::write_state(container.oci_state(name(Status::creating)));
      run_hooks(config.hooks.prestart, "prestart", state, container.record().bundle);
      run_hooks(config.hooks.create_runtime, "createRuntime", state, container.record().bundle);
      channel.send(Message::hooks_done);
    }
    channel.expect(Message::created, init_is_gone);
  }

  void enter_stage(InitPlan& plan, const spec::Config&, Channel& channel) {
    const pid_t stage = pid_;
    if (plan.namespaces.new_user) {
      channel.expect(Message::userns_made, init_is_gone);
      write_id_maps(stage, plan.namespaces);
      channel.send(Message::go);
    }
    const auto packet = channel.expect(Message::init_pid, init_is_gone);
    pid_ = static_cast<pid_t>(packet.number);
    // It is our child (CLONE_PARENT) and not waited for: the number can't be anybody else's.
    UniqueFd init = sys::open_pidfd(pid_);
    if (!init) throw system_error("open the pidfd of the container's init");
    sys::wait_child(stage);
    pidfd_ = std::move(init);
  }

  // What only the outside has the right to.
  void adjust_process(const InitPlan& plan, Container& container, const spec::Config& config) {
    if (config.process && config.process->oom_score_adj) {
      const std::string path = cat(pid_, "/oom_score_adj");
      with_context(
          [] { return std::string("config.json: /process/oomScoreAdj"); },
          [&] { write_existing(plan.proc.get(), path, std::to_string(*config.process->oom_score_adj)); });
    }
    if (config.linux_.intel_rdt) {
      container.record().intel_rdt = apply_intel_rdt(*config.linux_.intel_rdt, options_.id, pid_);
    }
    if (!config.linux_.net_devices.empty()) {
      const spec::Namespace* network = config.linux_.find(spec::NamespaceType::network);
      if (network == nullptr) {
        throw Error("config.json: /linux/netDevices: there is no network namespace to move devices to")
            .hint("add one of type network to linux.namespaces");
      }
      // One that is joined by its path: init has not got there yet.
      const UniqueFd netns =
          open_path(network->path.empty() ? cat("/proc/", pid_, "/ns/net") : network->path, O_RDONLY);
      move_net_devices(config.linux_.net_devices, netns.get());
    }
  }

  void finish(Container& container, const spec::Config& config) {
    if (config.process && config.linux_.find(spec::NamespaceType::user) != nullptr) {
      process::apply_rlimits(pid_, process::plan_rlimits(config.process->rlimits));
    }
    const auto info = sys::process_info(pid_);
    if (!info) throw Error(init_is_gone);
    container.record().pid = pid_;
    container.record().start_time = info->start_time;
    container.save();
    if (!options_.pid_file.empty()) write_pid_file(options_.pid_file, pid_);
    if (!options_.pidfd_socket.empty()) send_pidfd(options_.pidfd_socket, pidfd_.get());
  }

  // The container's init ended without an error of its own: its cgroup may know why.
  void explain_silent_end(Error& error) const {
    if (error.message() != init_is_gone) return;
    try {
      if (manager_->oom_kills() > 0) {
        error.hint("the kernel killed it for memory: the container's memory limit is too low to start it");
      }
    } catch (const Error&) {
      // The group may be gone as well; the first error is the one that counts.
    }
  }

  void kill_rest() const {
    try {
      manager_->kill_all(SIGKILL);
    } catch (const Error& error) {
      log::debug(error.what());
    }
  }

  const CreateOptions& options_;
  std::string config_text_;
  std::unique_ptr<cgroup::Manager> manager_;
  FileLock lock_;
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

}  // namespace

Created create_container(const CreateOptions& options) {
  return Creation(options).make();
}

}  // namespace rocker
