#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/store.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

int rm(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "rm", "IMAGE...",
      "Removes images. The data of one that bundles or containers use stays until the last of them is "
      "gone.");
  std::vector<std::string> names;
  bool force = false;
  line.add_option("IMAGE", names, "NAME[:TAG], or the beginning of an ID")->required();
  line.add_flag("--force,-f", force, "An image that does not exist is no error");
  if (!line.read(args)) return 0;

  const Store store(globals.root);
  int status = 0;
  for (const auto& name : names) {
    // One that can't be removed does not keep the others.
    try {
      const auto reference = store.resolve(name);
      const std::size_t users = store.remove(reference);
      for (const auto action : {"untag", "delete"})
        containers::note_image_event(globals.root, action, reference);
      print(cat("Removed ", reference.text(), " (ID: ", spec::short_id(reference.id()), ")\n"));
      if (users != 0) {
        log::warn(cat(reference.text(), ": ", users, users == 1 ? " bundle uses it" : " bundles use it",
                      "; its data goes with the last of them"));
      }
    } catch (const Error& error) {
      if (force && error.message().starts_with("Image not found")) continue;
      log::error(error.what());
      status = error.exit_status();
    }
  }
  return status;
}

}  // namespace rocker::commands
