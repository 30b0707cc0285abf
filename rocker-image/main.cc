// rocker-image: a tar becomes an image, an image becomes a bundle. This file finds the command; the commands
// are in commands/, a file each.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/grammar.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/standard_streams.hh"
#include "spec/support/str.hh"

namespace rocker {

static constexpr std::string_view default_root = "/var/lib/rocker";
static constexpr std::string_view default_config = "/etc/rocker/rocker.conf";

static std::string help() {
  std::string text = cat(
      "Turns archives into images, and images into OCI bundles that rocker-runc, runc and crun run.\n\n"
      "Usage: rocker-image [--root DIR] [--config FILE] [--log-level LEVEL] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
      "Options:\n"
      "  --root DIR         The store of images (default $ROCKER_ROOT, else ",
      default_root,
      ")\n"
      "  --config FILE      The defaults (default ",
      default_config,
      ")\n"
      "  --log-level LEVEL  error, warn (the default), info, debug or trace\n"
      "  --help, -h         Show this text; COMMAND --help shows a command's options\n"
      "  --version, -v      Show the version\n\n"
      "Commands:\n");
  std::size_t width = 0;
  for (const auto& command : all_commands()) width = std::max(width, command.name.size());
  for (const auto& command : all_commands()) {
    text += cat("  ", command.name, std::string(width - command.name.size() + 2, ' '), command.summary, "\n");
  }
  return text;
}

static const Command& find_command(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& command : all_commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  const auto meant = grammar::nearest(name, names);
  throw Error(cat("\"", printable(name), "\" is not a command"))
      .hint(meant.empty() ? "see 'rocker-image --help'" : cat("did you mean \"", meant, "\"?"));
}

static int run(std::vector<std::string> args) {
  Globals globals;
  const char* root = std::getenv("ROCKER_ROOT");
  globals.config = default_config;
  globals.root = root != nullptr && *root != '\0' ? root : default_root;

  std::size_t at = 0;
  for (; at < args.size() && args[at].starts_with('-') && args[at] != "-"; ++at) {
    std::string option = args[at];
    // --option=VALUE or --option VALUE
    const auto equals = option.find('=');
    const auto value = [&]() -> std::string {
      if (equals != std::string::npos) return option.substr(equals + 1);
      if (at + 1 >= args.size()) throw Error(cat(option, ": its value is missing"));
      return args[++at];
    };
    const std::string name = option.substr(0, equals);
    if (name == "--root") {
      globals.root = value();
      if (globals.root.empty()) throw Error("--root: is empty, expected a directory");
    } else if (name == "--config") {
      globals.config = absolute_path(value());
      // The default one may be missing; one that was asked for may not.
      if (::access(globals.config.c_str(), F_OK) < 0)
        throw system_error(cat("--config: open ", printable(globals.config)));
    } else if (name == "--log-level") {
      log::set_level(log::parse_level(value()));
    } else if (option == "--help" || option == "-h") {
      print(help());
      return 0;
    } else if (option == "--version" || option == "-v") {
      print("rocker-image " ROCKER_VERSION "\n");
      return 0;
    } else {
      throw Error(cat("\"", printable(option), "\" is not an option")).hint("see 'rocker-image --help'");
    }
  }
  if (at == args.size()) throw Error("a command is missing").hint("see 'rocker-image --help'");
  if (args[at] == "help" && at + 1 == args.size()) {
    print(help());
    return 0;
  }
  if (args[at] == "help") args = {args[at + 1], "--help"}, at = 0;
  const Command& command = find_command(args[at]);
  globals.root = absolute_path(globals.root);
  return command.run(globals, {args.begin() + static_cast<std::ptrdiff_t>(at) + 1, args.end()});
}

}  // namespace rocker

int main(int argc, char** argv) {
  using namespace rocker;
  open_standard_streams();
  log::set_program("rocker-image");
  try {
    return run({argv + 1, argv + argc});
  } catch (const Error& error) {
    log::error(error.what());
    return error.exit_status();
  } catch (const std::bad_alloc&) {
    log::error("out of memory");
    return 1;
  } catch (const std::exception& error) {
    log::error(error.what());
    return 1;
  }
}
