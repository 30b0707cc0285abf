#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/store.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

// "1 bundle and 2 containers use it"; empty when nobody does.
std::string text_of(const Store::Users& users) {
  std::vector<std::string> parts;
  const auto tell = [&](std::size_t count, std::string_view what) {
    if (count != 0) parts.push_back(cat(count, " ", what, count == 1 ? "" : "s"));
  };
  tell(users.bundles, "bundle");
  tell(users.containers, "container");
  if (users.readers) parts.emplace_back("a running command");
  if (parts.empty()) return {};
  const bool one = users.bundles + users.containers + (users.readers ? 1 : 0) == 1;
  return cat(join(parts, " and "), one ? " uses it" : " use it");
}

}  // namespace

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
      const std::string users = text_of(store.remove(reference));
      for (const auto action : {"untag", "delete"})
        containers::note_image_event(globals.root, action, reference);
      print_done(cat("Removed ", reference.text()),
                 cat("Removed ", reference.text(), " (ID: ", spec::short_id(reference.id()), ")\n"));
      if (!users.empty()) {
        log::warn(cat(reference.text(), ": ", users, "; its data goes with the last of them"));
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
