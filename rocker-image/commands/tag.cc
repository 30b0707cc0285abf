#include "rocker-image/clone.hh"
#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/store.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

int tag(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("tag", "IMAGE NAME[:TAG]", "Gives an image a second name. Both share their files.");
  std::string source, target;
  line.add_option("IMAGE", source, "NAME[:TAG], or the beginning of an ID")->required();
  line.add_option("NAME", target, "The new NAME[:TAG]")->required();
  if (!line.read(args)) return 0;
  const auto reference = spec::Reference::parse(target);
  const auto record = tag_image(Store(globals.root), source, reference);
  containers::note_image_event(globals.root, "tag", reference);
  print_done(cat("Tagged ", reference.text()),
             cat("Tagged ", reference.text(), " (ID: ", spec::short_id(record.id), ")\n"));
  return 0;
}

}  // namespace rocker::commands
