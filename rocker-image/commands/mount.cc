#include <unistd.h>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/bundle/rootfs.hh"
#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

// One that fails does not keep the others.
template <typename Fn>
int for_each_bundle(const std::vector<std::string>& dirs, Fn fn) {
  int status = 0;
  for (const auto& text : dirs) {
    try {
      fn(absolute_path(text));
    } catch (const Error& error) {
      log::error(error.what());
      status = 1;
    }
  }
  return status;
}

}  // namespace

int mount(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("mount", "DIR...",
                   "Mounts the root file systems of bundles again, as after a reboot, and prints where they "
                   "are. Each shows what was last in it, also when its image has been replaced or removed.");
  std::vector<std::string> dirs;
  line.add_option("DIR", dirs, "A bundle, or the folder of a container")->required();
  if (!line.read(args)) return 0;
  return for_each_bundle(dirs, [&](const std::string& dir) {
    bundle::mount(Store(globals.root), dir, false);
    print(cat(dir, "/rootfs\n"));
  });
}

int unmount(const Globals&, const std::vector<std::string>& args) {
  CommandLine line("unmount", "DIR...",
                   "Unmounts the root file systems of bundles. What was written in them stays, and mount "
                   "brings it back.");
  std::vector<std::string> dirs;
  bool force = false;
  line.add_option("DIR", dirs, "A bundle, or the folder of a container")->required();
  line.add_flag("--force,-f", force, "Also one that is in use: it is gone from here at once");
  if (!line.read(args)) return 0;
  return for_each_bundle(dirs, [&](const std::string& dir) {
    // Whatever else is mounted on some DIR/rootfs is not ours to take away.
    bundle::load_record(dir);
    bundle::unmount_rootfs(dir, force ? bundle::InUse::detach : bundle::InUse::refuse);
  });
}

}  // namespace rocker::commands
