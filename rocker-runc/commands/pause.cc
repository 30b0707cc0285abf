// pause and resume.
#include "rocker-runc/commands/commands.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

int pause(const Globals& globals, const std::vector<std::string>& args) {
  std::string id;
  CommandLine app("pause", "ID", "Freezes every process of a container.");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  const Container container = Container::load(globals.root, id);
  const FileLock lock = container.lock();
  const Status status = container.status();
  if (status != Status::running && status != Status::created) {
    throw Error(cat("cannot pause container \"", id, "\": container not running: it is ", name(status)));
  }
  container.need_cgroups("pause").freeze();
  return 0;
}

int resume(const Globals& globals, const std::vector<std::string>& args) {
  std::string id;
  CommandLine app("resume", "ID", "Lets the processes of a paused container run again.");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  const Container container = Container::load(globals.root, id);
  const FileLock lock = container.lock();
  // Asked of the cgroup: one that is created and not started can be paused as well.
  if (!container.cgroups().frozen()) {
    throw Error(
        cat("cannot resume container \"", id, "\": container not paused: it is ", name(container.status())));
  }
  container.cgroups().thaw();
  return 0;
}

}  // namespace rocker::commands
