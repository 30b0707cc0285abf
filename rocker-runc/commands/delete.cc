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

void kill_and_wait(const Container& container) {
  const UniqueFd pidfd = container.init_pidfd();
  container.cgroups().kill_all(SIGKILL);
  if (!pidfd) return;
  sys::send_signal(pidfd.get(), SIGKILL);
  pollfd fd{pidfd.get(), POLLIN, 0};
  if (::poll(&fd, 1, patience_ms) == 0) {
    throw Error(
        cat("container \"", container.id(), "\": its init (pid ", container.record().pid, ") does not die"))
        .hint("it may hang in the kernel, waiting for a device or a network file system");
  }
}

int remove_broken(const Globals& globals, const std::string& id, const Error& why) {
  log::warn(why.message());
  Container container = Container::broken(globals.root, id);
  container.remove_directory();
  return 0;
}

}  // namespace

int delete_(const Globals& globals, std::vector<std::string> args) {
  std::string id;
  bool force = false;
  CommandLine app("delete", "ID",
                  "Removes a stopped container: its cgroups, its state, and what its hooks have to undo.");
  app.add_flag("-f,--force", force, "kill it first when it runs; no error when it does not exist");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  try {
    Container container = Container::load(globals.root, id);
    const FileLock lock = container.lock();
    container = Container::load(globals.root, id);
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
    if (force && error.errno_value() == EBADMSG) return remove_broken(globals, id, error);
    throw;
  }
  return 0;
}

}  // namespace rocker::commands
