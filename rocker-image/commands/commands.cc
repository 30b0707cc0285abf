#include "rocker-image/commands/commands.hh"

namespace rocker {

static constexpr Command table[] = {
    {"import", "Make an image of an archive", commands::import_image},
    {"list", "Show the images", commands::list},
    {"inspect", "Show all that is known of an image", commands::inspect},
    {"path", "Print where an image's root file system is", commands::path},
    {"rm", "Remove images", commands::rm},
    {"tag", "Give an image a second name", commands::tag},
    {"history", "Show where an image came from", commands::history},
    {"export", "Write an image's root file system as a tar", commands::export_image},
    {"save", "Write images as an OCI archive", commands::save},
    {"verify", "Compare an image with what was imported", commands::verify},
    {"diff", "Compare two images", commands::diff},
    {"df", "Show how much of the disk the store takes up", commands::df},
    {"prune", "Take away what crashes have left", commands::prune},
    {"bundle", "Make a bundle of an image", commands::bundle},
    {"unbundle", "Undo a bundle", commands::unbundle},
    {"mount", "Mount a bundle's root file system again", commands::mount},
    {"unmount", "Unmount it, and keep what is in it", commands::unmount},
    {"container", "Answer the rocker program about containers", commands::container},
};

std::span<const Command> all_commands() {
  return table;
}

}  // namespace rocker
