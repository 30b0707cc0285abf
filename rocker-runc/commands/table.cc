#include <CLI/CLI.hpp>

#include "rocker-runc/commands/commands.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

const Command table[] = {
    {"checkpoint", "not supported: save the state of a running container", checkpoint},
    {"create", "make a container from a bundle; its program waits for start", create},
    {"delete", "remove a stopped container", delete_},
    {"exec", "run one more process in a running container", exec},
    {"features", "print what this runtime supports, as OCI features JSON", features},
    {"kill", "send a signal to a container's init", kill},
    {"list", "list the containers", list},
    {"restore", "not supported: bring back a saved container", restore},
    {"run", "make a container and start it", run},
    {"spec", "write a config.json to begin with", spec},
    {"start", "run the program of a created container", start},
    {"state", "print the state of a container, as OCI state JSON", state},
    {nullptr, nullptr, nullptr},
};

namespace {

// CLI11 explains itself over several lines; ours is one.
Error usage_error(const CLI::App& app, std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return Error(cat(app.get_name(), ": ", trim(text)))
      .hint(cat("see ", log::program(), " ", app.get_name(), " --help"));
}

}  // namespace

bool parse(CLI::App& app, std::vector<std::string> args) {
  app.set_help_flag("-h,--help", "print this help and exit");
  std::reverse(args.begin(), args.end());
  try {
    app.parse(std::move(args));
  } catch (const CLI::CallForHelp&) {
    const std::string text = app.help(cat(log::program(), " ", app.get_name()));
    write_all(1, text, "standard output");
    return false;
  } catch (const CLI::ParseError& error) {
    throw usage_error(app, error.what());
  }
  return true;
}

bool parse_until(CLI::App& app, std::vector<std::string> args, std::size_t positionals,
                 std::vector<std::string>& rest) {
  app.set_help_flag("-h,--help", "print this help and exit");
  std::vector<std::string> front;
  std::size_t seen = 0, i = 0;
  for (; i < args.size() && seen < positionals; ++i) {
    const std::string& arg = args[i];
    if (arg == "--") continue;
    front.push_back(arg);
    if (arg.size() < 2 || arg[0] != '-') {
      ++seen;
      continue;
    }
    // An option that takes a value, given apart: the value is no positional.
    const bool value_inside = arg.starts_with("--") ? arg.find('=') != std::string::npos : arg.size() > 2;
    const CLI::Option* option = app.get_option_no_throw(arg.starts_with("--") ? arg : arg.substr(0, 2));
    if (option != nullptr && option->get_items_expected_max() > 0 && !value_inside && i + 1 < args.size()) {
      front.push_back(args[++i]);
    }
  }
  if (i < args.size() && args[i] == "--") ++i;
  rest.assign(args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
  return parse(app, std::move(front));
}

}  // namespace rocker::commands
