#include <poll.h>
#include <signal.h>

#include "rocker-runc/commands/commands.hh"
#include "rocker-runc/start.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

constexpr int patience_ms = 10'000;

// Without a pid namespace of its own, whose processes end with its init.
bool shares_pids(const Container& container) {
  try {
    return !container.config().linux_.creates(spec::NamespaceType::pid);
  } catch (const Error&) {
    return false;  // destroy_container() warns of a config that can't be read
  }
}

void kill_and_wait(const Container& container) {
  const UniqueFd pidfd = container.init_pidfd();
  container.cgroups().kill_all(SIGKILL);
  if (!pidfd) return;
  if (!container.cgroups().exists() && shares_pids(container)) {
    log::warn(cat("container \"", container.id(),
                  "\" has neither a cgroup nor a pid namespace of its own: only its init is killed"));
  }
  sys::send_signal(pidfd.get(), SIGKILL);
  pollfd fd{pidfd.get(), POLLIN, 0};
  if (::poll(&fd, 1, patience_ms) == 0) {
    throw Error(
        cat("container \"", container.id(), "\": its init (pid ", container.record().pid, ") does not die"))
        .hint("it may hang in the kernel, waiting for a device or a network file system");
  }
}

// Of a container whose lock the caller holds.
void remove_broken(const Globals& globals, Container& container, const Error& why) {
  log::warn(why.message());
  try {
    // Its config still says where its cgroup was made: whoever is in there is the container's.
    const spec::Config config = container.config();
    cgroup::Request request;
    request.container_id = container.id();
    request.cgroups_path = config.linux_.cgroups_path;
    request.driver = globals.systemd_cgroup ? cgroup::Driver::systemd : cgroup::Driver::cgroupfs;
    request.rootless = globals.rootless;
    container.record().cgroup = cgroup::Manager::plan(request)->saved();
  } catch (const Error& error) {
    log::warn(error.message());
    log::warn(cat("only the state of container \"", container.id(),
                  "\" is removed: where its processes and cgroups are is not known any more"));
    container.remove_directory();
    return;
  }
  destroy_container(container);
}

}  // namespace

int delete_(const Globals& globals, const std::vector<std::string>& args) {
  std::string id;
  bool force = false;
  CommandLine app("delete", "ID",
                  "Removes a stopped container: its cgroups, its state, and what its hooks have to undo.");
  app.add_flag("-f,--force", force, "kill it first when it runs; no error when it does not exist");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  try {
    if (!force) Container::load(globals.root, id);
    Container container = Container::broken(globals.root, id);
    const FileLock lock = container.lock();
    try {
      container = Container::load(globals.root, id);
    } catch (const Error& error) {
      if (!force || (error.errno_value() != EBADMSG && error.errno_value() != ENOENT)) throw;
      remove_broken(globals, container, error);
      return 0;
    }
    const Status status = container.status();
    // runtime.md, "Delete": one that is not stopped must not be touched. (The peers delete a created one as
    // well.)
    if (status != Status::stopped && !force) {
      throw Error(cat("cannot delete container \"", id, "\": it is ", name(status), " and not stopped"))
          .hint(cat("stop it first (kill ", id, " KILL), or use --force"));
    }
    if (status != Status::stopped) kill_and_wait(container);
    destroy_container(container);
  } catch (const Error& error) {
    if (force && error.errno_value() == ENOENT) return 0;
    throw;
  }
  return 0;
}

}  // namespace rocker::commands
