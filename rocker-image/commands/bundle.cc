#include "rocker-image/bundle/bundle.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rocker-image/bundle/rootfs.hh"
#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/walk.hh"
#include "spec/support/defer.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

std::string bundle_help() {
  return cat(
      "Writes a bundle: DIR/config.json, and DIR/rootfs, which shows the image through a layer of its own, "
      "so that the\n"
      "image never changes. rocker-runc, runc and crun run it.\n\n"
      "Usage: rocker-image [--root DIR] bundle IMAGE DIR [OPTIONS] [-- COMMAND [ARG...]]\n\n"
      "The network is none, with its loopback interface up, unless --network says otherwise.\n\nOptions:\n",
      grammar::help_lines(grammar::rows_of(bundle::bundle_options())));
}

}  // namespace

int bundle(const Globals& globals, const std::vector<std::string>& args) try {
  bundle::Options options;
  // What is behind "--" is the command, however it looks.
  const auto dashes = std::find(args.begin(), args.end(), "--");
  const std::span<const std::string> line(args.begin(), dashes);
  const auto positionals = grammar::parse("rocker-image bundle", bundle::bundle_options(), options, line,
                                          grammar::Positionals::mixed);
  if (dashes != args.end()) options.command.assign(dashes + 1, args.end());
  if (positionals.size() < 2)
    throw Error("bundle: expected IMAGE and DIR").hint("see 'rocker-image bundle --help'");
  if (positionals.size() > 2) {
    throw Error(cat("bundle: \"", printable(positionals[2]), "\" is one argument too many"))
        .hint("the command stands behind \"--\"");
  }
  const std::string dir = absolute_path(positionals[1]);
  const bool made = ::mkdir(dir.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) throw system_error(cat("mkdir ", printable(dir)));
  if (!made && !bundle::is_free(dir)) {
    throw Error(cat(printable(dir), ": is not empty"))
        .hint("give a folder that is empty or does not exist; 'rocker-image unbundle' empties one");
  }
  const Store store(globals.root);
  Defer undo([&] {
    if (made) ::rmdir(dir.c_str());
  });
  bundle::make({store, options, positionals[0], dir, ""});
  Defer unmake([&] {
    try {
      bundle::unmake(store, dir);
    } catch (const Error& error) {
      log::warn(error.what());
    }
  });
  const auto record = bundle::mount(store, dir, false);
  // runc and crun walk to the root file system as the root of the container's user namespace. Not past an
  // upper layer or a copy of the image, in which set-user-ID programs are the host's root's.
  if (made && record.users && record.rootfs != bundle::RootfsMode::copy && ::chmod(dir.c_str(), 0711) < 0)
    throw system_error(cat("chmod ", printable(dir)));
  unmake.dismiss();
  undo.dismiss();
  return 0;
} catch (const grammar::HelpAsked&) {
  print(bundle_help());
  return 0;
}

int unbundle(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine app(
      "unbundle", "DIR...",
      "Unmounts bundles and takes away what bundle made, the folder too when nothing else is in it.");
  std::vector<std::string> dirs;
  app.add_option("DIR", dirs, "A bundle")->required();
  if (!app.read(args)) return 0;
  int status = 0;
  for (const auto& text : dirs) {
    try {
      const std::string dir = absolute_path(text);
      bundle::unmake(Store(globals.root), dir);
      ::rmdir(dir.c_str());  // not when something else is in it
    } catch (const Error& error) {
      log::error(error.what());
      status = 1;
    }
  }
  return status;
}

}  // namespace rocker::commands
