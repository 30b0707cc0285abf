#include "rocker-runc/exec.hh"

#include <algorithm>

#include "rocker-runc/commands/commands.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

struct Options {
  ExecOptions exec;
  std::string id, process_file, cwd, user, apparmor, label;
  std::vector<std::string> env, capabilities, additional_gids;
  bool tty = false, no_new_privs = false;
};

void define(CommandLine& app, Options& o) {
  app.add_option("-p,--process", o.process_file, "file with the process as JSON (config.md, \"Process\")");
  app.add_flag("-t,--tty", o.tty, "give the process a terminal");
  app.add_option("-u,--user", o.user, "UID[:GID] of the process");
  app.add_option("-g,--additional-gids", o.additional_gids, "a further group id; can be repeated");
  app.add_option("-e,--env", o.env, "NAME=VALUE for the environment; can be repeated");
  app.add_option("--cwd", o.cwd, "working directory in the container");
  app.add_option("-c,--cap", o.capabilities, "a capability to add to the container's own; can be repeated");
  app.add_flag("--no-new-privs", o.no_new_privs, "set no_new_privs");
  app.add_option("--apparmor", o.apparmor, "AppArmor profile of the process");
  app.add_option("--process-label", o.label, "SELinux label of the process");
  app.add_flag("-d,--detach", o.exec.detach, "return when the process runs");
  app.add_option("--console-socket", o.exec.console_socket,
                 "AF_UNIX socket that gets the master of the terminal");
  app.add_option("--pid-file", o.exec.pid_file, "file that the pid of the process is written to");
  app.add_option("--pidfd-socket", o.exec.pidfd_socket, "AF_UNIX socket that gets a pidfd of the process");
  app.add_option("--preserve-fds", o.exec.preserve_fds, "number of further descriptors that the process gets")
      ->range(0, 1024);
  app.add_option("--cgroup", o.exec.sub_cgroups,
                 "[CONTROLLER:]PATH of a cgroup below the container's own for the process; can be repeated");
  app.add_flag("--ignore-paused", o.exec.ignore_paused, "also in a paused container");
  app.add_option("ID", o.id, "the container")->required();
}

unsigned number(std::string_view text, std::string_view option) {
  unsigned long long value = 0;
  if (!parse_number(text, value) || value >= UINT32_MAX) {
    throw Error(cat("exec: ", option, ": expected a numeric id, found \"", printable(text), "\""));
  }
  return static_cast<unsigned>(value);
}

// The container's own process, with what the command line changes.
spec::Process changed(spec::Process process, const Options& o, std::vector<std::string> command) {
  process.args = std::move(command);
  process.terminal = o.tty;
  process.console_size.reset();
  if (!o.cwd.empty()) process.cwd = o.cwd;
  if (!process.cwd.starts_with('/'))
    throw Error(cat("exec: --cwd: expected an absolute path, found ", printable(process.cwd)));
  for (const auto& variable : o.env) process.env.push_back(variable);
  if (!o.user.empty()) {
    const auto parts = split(o.user, ':');
    if (parts.size() > 2)
      throw Error(cat("exec: --user: expected UID[:GID], found \"", printable(o.user), "\""));
    process.user.uid = number(parts[0], "--user");
    if (parts.size() == 2) process.user.gid = number(parts[1], "--user");
  }
  for (const auto& gid : o.additional_gids)
    process.user.additional_gids.push_back(number(gid, "--additional-gids"));
  if (!o.capabilities.empty()) {
    if (!process.capabilities) process.capabilities.emplace();
    for (const auto& capability : o.capabilities) {
      // As runc does: not the inheritable and ambient sets, so that a program that is no root's gains nothing
      // by exec.
      for (auto* set : {&process.capabilities->bounding, &process.capabilities->effective,
                        &process.capabilities->permitted}) {
        if (std::find(set->begin(), set->end(), capability) == set->end()) set->push_back(capability);
      }
    }
  }
  if (o.no_new_privs) process.no_new_privileges = true;
  if (!o.apparmor.empty()) process.apparmor_profile = o.apparmor;
  if (!o.label.empty()) process.selinux_label = o.label;
  return process;
}

// What a process.json does not say is as for the container's own process: an engine that leaves out the
// capabilities or the AppArmor profile does not mean all of them, or none.
void inherit(spec::Process& process, const spec::Process& own) {
  if (!process.capabilities) process.capabilities = own.capabilities;
  if (process.apparmor_profile.empty()) process.apparmor_profile = own.apparmor_profile;
  if (process.selinux_label.empty()) process.selinux_label = own.selinux_label;
  if (process.rlimits.empty()) process.rlimits = own.rlimits;
  if (!process.oom_score_adj) process.oom_score_adj = own.oom_score_adj;
  if (!process.scheduler) process.scheduler = own.scheduler;
  if (!process.io_priority) process.io_priority = own.io_priority;
  if (!process.exec_cpu_affinity) process.exec_cpu_affinity = own.exec_cpu_affinity;
}

}  // namespace

int exec(const Globals& globals, const std::vector<std::string>& args) {
  Options o;
  CommandLine app("exec", "ID COMMAND [ARGUMENT...]",
                  "Runs one more process in a running container, in all its namespaces and its cgroup.\n\n"
                  "exec [OPTIONS] ID COMMAND [ARGUMENT...]\nexec [OPTIONS] --process FILE ID");
  define(app, o);
  std::vector<std::string> command;
  if (!app.read_until(args, 1, command)) return 0;
  Container container = Container::load(globals.root, o.id);
  spec::Process process;
  if (!o.process_file.empty()) {
    if (!command.empty())
      throw Error("exec: a COMMAND and --process are given, which are two ways of saying the same");
    process = spec::parse_process(read_file(o.process_file, 16u << 20), o.process_file);
    inherit(process, container.config().process.value_or(spec::Process{}));
  } else {
    if (command.empty()) throw Error("exec: a COMMAND is missing").hint("give one, or --process FILE");
    const spec::Config config = container.config();
    process = changed(config.process.value_or(spec::Process{}), o, std::move(command));
  }
  // conmon and others give both: the flag asks for a terminal whatever the file says.
  if (o.tty) process.terminal = true;
  return exec_in_container(container, process, o.exec);
}

}  // namespace rocker::commands
