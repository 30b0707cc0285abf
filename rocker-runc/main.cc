// rocker-runc: an OCI runtime (runtime-spec 1.3), a drop-in for runc. This file only dispatches.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "rocker-runc/commands/commands.hh"
#include "rocker-runc/process/descriptors.hh"
#include "rocker-runc/process/seccomp.hh"
#include "rocker-runc/sys/process.hh"
#include "rocker-runc/sys/self.hh"
#include "spec/config.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/standard_streams.hh"
#include "spec/support/str.hh"

namespace rocker {
namespace {

struct Options {
  commands::Globals globals;
  std::string program, log_file, log_format = "text", log_level, rootless = "auto", cgroup_manager, criu;
  int error_status = 1;
  bool debug = false, version = false;
};

// Where containers are kept when --root does not say: a tmpfs of root's, or of the user's session.
std::string default_root() {
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  // Root of a user namespace has no /run of his own.
  const bool users = ::geteuid() != 0 || (runtime_dir != nullptr && sys::in_user_namespace());
  if (!users) return "/run/rocker-runc";
  return runtime_dir != nullptr && *runtime_dir == '/' ? cat(runtime_dir, "/rocker-runc")
                                                       : cat("/tmp/rocker-runc-", ::geteuid());
}

void define(CommandLine& app, Options& o) {
  app.add_option("--root", o.globals.root, "directory for the state of containers");
  app.add_option("--log", o.log_file, "file that errors and warnings are written to as well");
  app.add_option("--log-format", o.log_format, "format of that file: text or json");
  app.add_option("--log-level", o.log_level, "error, warn, info, debug or trace");
  app.add_flag("--debug", o.debug, "the same as --log-level debug");
  app.add_flag("--systemd-cgroup", o.globals.systemd_cgroup,
               "let systemd make the cgroups; cgroupsPath is slice:prefix:name");
  app.add_option("--cgroup-manager", o.cgroup_manager, "cgroupfs or systemd, as crun has it");
  app.add_option("--rootless", o.rootless,
                 "ignore what cgroups refuse to an ordinary user: true, false or auto");
  app.add_option("--error-status", o.error_status,
                 "exit status for an error of the runtime's own, to tell it from the program's (default 1)")
      ->range(1, 255);
  app.add_option("--interrupts", o.globals.interrupts,
                 "kill a container in the foreground at the terminal's Nth Ctrl-C (default: never)")
      ->range(1, 100);
  app.add_option("--program", o.program, "name that the lines of errors begin with (default: its own)");
  app.add_option("--criu", o.criu, "ignored, as by newer versions of runc");
  app.add_flag("-v,--version", o.version, "print the version and exit");
}

std::string description() {
  std::string text = "Runs containers from OCI bundles.\n\nCommands:\n";
  for (const auto* c = commands::table; c->name != nullptr; ++c) {
    text += cat("  ", c->name, std::string(12 - std::strlen(c->name), ' '), c->summary, "\n");
  }
  return cat(text, "\n'", log::program(), " COMMAND --help' explains a command.\n");
}

// Also when the rest of the command line is no good: engines show what is in the log and nothing else.
void open_log(const Options& o) {
  if (o.log_format != "text" && o.log_format != "json") {
    throw Error(cat("--log-format: expected text or json, found \"", printable(o.log_format), "\""));
  }
  if (!o.log_file.empty())
    log::open_file(o.log_file, o.log_format == "json" ? log::Format::json : log::Format::text);
}

void open_log_of_broken_line(const std::vector<std::string>& args) {
  Options o;
  for (std::size_t i = 0; i < args.size(); ++i) {
    for (const auto& [name, value] :
         {std::pair("--log", &o.log_file), std::pair("--log-format", &o.log_format)}) {
      if (args[i] == name && i + 1 < args.size()) *value = args[i + 1];
      if (args[i].starts_with(cat(name, "="))) *value = args[i].substr(std::strlen(name) + 1);
    }
  }
  open_log(o);
}

void check(Options& o) {
  if (o.debug) log::set_level(log::Level::debug);
  if (!o.log_level.empty()) log::set_level(log::parse_level(o.log_level));
  auto& g = o.globals;
  if (o.cgroup_manager == "systemd") {
    g.systemd_cgroup = true;
  } else if (!o.cgroup_manager.empty() && o.cgroup_manager != "cgroupfs") {
    throw Error(
        cat("--cgroup-manager: expected cgroupfs or systemd, found \"", printable(o.cgroup_manager), "\""));
  }
  if (o.rootless == "auto") {
    g.rootless = ::geteuid() != 0 || sys::in_user_namespace();
  } else if (o.rootless == "true" || o.rootless == "false") {
    g.rootless = o.rootless == "true";
  } else {
    throw Error(cat("--rootless: expected true, false or auto, found \"", printable(o.rootless), "\""));
  }
  if (g.root.empty()) g.root = default_root();
  g.root = absolute_path(g.root);
}

const commands::Command& find_command(const std::string& name) {
  const commands::Command* near = nullptr;
  for (const auto* c = commands::table; c->name != nullptr; ++c) {
    if (name == c->name) return *c;
    if (name.size() > 1 && std::string_view(c->name).substr(0, 2) == std::string_view(name).substr(0, 2))
      near = c;
  }
  Error error(cat("unknown command \"", printable(name), "\""));
  error.hint(near != nullptr ? cat("did you mean \"", near->name, "\"?")
                             : cat("see ", log::program(), " --help"));
  throw error;
}

int dispatch(char** argv, int& error_status) {
  std::vector<std::string> args;
  for (char** arg = argv + 1; *arg != nullptr; ++arg) args.emplace_back(*arg);
  const bool help = args.empty() || args[0] == "-h" || args[0] == "--help";
  Options options;
  options.globals.called_runc = log::program() == "runc";
  CommandLine app("", "COMMAND [ARGUMENTS]", help ? description() : "");
  define(app, options);
  if (args.empty()) {
    write_all(STDERR_FILENO, app.help(), "output");
    return 1;
  }
  std::vector<std::string> rest;
  try {
    if (!app.read_until(args, 0, rest)) return 0;
    if (rest.empty() && !options.version) {
      throw Error("a command is missing").hint(cat("see '", log::program(), " --help'"));
    }
  } catch (const Error&) {
    open_log_of_broken_line(args);
    throw;
  }
  if (options.version) {
    write_all(STDOUT_FILENO,
              cat(log::program(), " version ", ROCKER_VERSION, "\nspec: ", spec::oci_version,
                  "\nlibseccomp: ", process::libseccomp_version(), "\n"),
              "standard output");
    return 0;
  }
  error_status = options.error_status;
  if (!options.program.empty()) log::set_program(options.program);
  open_log(options);
  check(options);
  std::string name = rest[0];
  if (name == "help" || name == "h") {
    if (rest.size() == 1) {
      CommandLine text("", "COMMAND [ARGUMENTS]", description());
      define(text, options);
      write_all(STDOUT_FILENO, text.help(), "output");
      return 0;
    }
    name = rest[1];
    rest = {name, "--help"};
  }
  const auto& command = find_command(name);
  rest.erase(rest.begin());
  if (name == "create" || name == "run" || name == "exec") sys::protect_own_binary(argv);
  return command.run(options.globals, rest);
}

std::string program_name(const char* argv0) {
  const std::string_view path = argv0 == nullptr ? "" : argv0;
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name == "runc" ? "runc" : "rocker-runc";
}

}  // namespace
}  // namespace rocker

int main(int, char** argv) {
  rocker::open_standard_streams();
  rocker::process::note_inherited_descriptors();
  rocker::log::set_program(rocker::program_name(argv[0]));
  // A pipe whose reader is gone is an error of write(2), told like any other.
  ::signal(SIGPIPE, SIG_IGN);
  int error_status = 1;
  try {
    return rocker::dispatch(argv, error_status);
  } catch (const rocker::Error& error) {
    rocker::log::error(error.what());
    return error.exit_status() == 1 ? error_status : error.exit_status();
  } catch (const std::exception& error) {
    rocker::log::error(error.what());
    return error_status;
  }
}
