#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/store.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

int path(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("path", "IMAGE", "Prints where the root file system of an image is.");
  std::string name;
  line.add_option("IMAGE", name, "NAME[:TAG], or the beginning of an ID")->required();
  if (!line.read(args)) return 0;

  const Store store(globals.root);
  const auto image = store.find(name);
  store.check_rootfs(image);
  print(cat(image.rootfs(), "\n"));
  return 0;
}

}  // namespace rocker::commands
