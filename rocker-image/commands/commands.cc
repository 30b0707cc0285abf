#include "rocker-image/commands/commands.hh"

namespace rocker {

static constexpr Command table[] = {
    {"import", "Make an image of an archive", commands::import_image},
    {"list", "Show the images", commands::list},
    {"inspect", "Show all that is known of an image", commands::inspect},
    {"path", "Print where an image's root file system is", commands::path},
    {"rm", "Remove images", commands::rm},
    {"bundle", "Make a bundle of an image", commands::bundle},
    {"unbundle", "Undo a bundle", commands::unbundle},
    {"container", "Answer the rocker program about containers", commands::container},
};

std::span<const Command> all_commands() {
  return table;
}

}  // namespace rocker
