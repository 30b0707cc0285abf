// exec: one more process in a container that runs. The line of the runtime is made here, the shell hands
// itself over.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "rocker-image/bundle/capabilities.hh"
#include "rocker-image/bundle/users.hh"
#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/shell.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

struct ExecOptions {
  bool tty = false, detach = false, privileged = false;
  std::vector<std::string> env, env_from_files;
  std::string user, workdir;
};

constexpr grammar::Option<ExecOptions> exec_table[] = {
    {{"detach", 'd', "", "in the background"}, [](ExecOptions& o, std::string_view v) { o.detach = on(v); }},
    {{"detach-keys", 0, "KEYS", "an exec ends with its terminal; exec -d starts one that stays", {}, true}},
    {{"env", 'e', "NAME[=VALUE]", "a variable; without a value, the caller's"},
     [](ExecOptions& o, std::string_view v) { o.env.emplace_back(v); }},
    {{"env-file", 0, "FILE", "a file of such lines"},
     [](ExecOptions& o, std::string_view v) {
       for (auto& line : bundle::read_list_file(v, "--env-file")) o.env_from_files.push_back(std::move(line));
     }},
    {{"interactive", 'i', "", "keep stdin; always so"}, [](ExecOptions&, std::string_view) {}},
    {{"privileged", 0, "", "all capabilities"},
     [](ExecOptions& o, std::string_view v) { o.privileged = on(v); }},
    {{"tty", 't', "", "a terminal"}, [](ExecOptions& o, std::string_view v) { o.tty = on(v); }},
    {{"user", 'u', "USER[:GROUP]", "names of the container's, or numbers"},
     [](ExecOptions& o, std::string_view v) { o.user = v; }},
    {{"workdir", 'w', "PATH", "the working directory"},
     [](ExecOptions& o, std::string_view v) { o.workdir = v; }},
};

std::vector<std::string> runtime_line(const Room& room, const ExecOptions& options, const Facts& facts,
                                      const Live& live) {
  std::vector<std::string> words{"--root", room.registry.run_directory(), "exec"};
  const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  if (options.tty) add({"--tty", "--env", "TERM=xterm"});
  if (options.detach) add({"--detach"});
  if (!options.workdir.empty()) add({"--cwd", options.workdir});
  if (!options.user.empty()) {
    const UniqueFd root = open_path(cat("/proc/", live.pid, "/root"), O_PATH | O_DIRECTORY);
    const auto who = bundle::resolve_user(root.get(), options.user, {});
    add({"--user", cat(who.user.uid, ":", who.user.gid)});
    for (const gid_t gid : who.user.additional_gids) add({"--additional-gids", cat(gid)});
    add({"--env", cat("HOME=", who.home)});
  }
  std::vector<std::string> env = options.env_from_files;
  env.insert(env.end(), options.env.begin(), options.env.end());
  for (const auto& text : env) {
    if (text.find('=') != std::string::npos) {
      add({"--env", text});
    } else if (const char* value = std::getenv(text.c_str())) {
      add({"--env", cat(text, "=", value)});
    }
  }
  if (options.privileged) {
    for (const auto& cap : bundle::choose_capabilities({}, {}, true, 0).bounding) add({"--cap", cap});
  }
  add({"--", facts.id});
  return words;
}

}  // namespace

std::vector<const grammar::Row*> exec_rows() {
  return grammar::rows_of(table(exec_table));
}

int exec(const Room& room, Args args) {
  try {
    ExecOptions options;
    const auto rest =
        grammar::parse("exec", table(exec_table), options, args, grammar::Positionals::end_options);
    if (rest.size() < 2)
      throw Error("exec: expected a container and a command").hint("rocker exec [OPTIONS] NAME COMMAND");
    const Facts facts = find(room, rest[0]);
    const Live live = look(room.registry, facts);
    if (live.pid == 0) throw not_running(facts, live);
    if (live.status == Status::paused) {
      throw Error(cat("container ", facts.name, " is paused")).hint(cat("rocker unpause ", facts.name));
    }
    auto words = runtime_line(room, options, facts, live);
    words.insert(words.end(), rest.begin() + 1, rest.end());
    // docker's names. Its exec_die is not known to us: the runtime takes our place.
    const std::string line = join({rest.begin() + 1, rest.end()}, " ");
    for (const auto action : {"exec_create: ", "exec_start: "})
      note_event(room.registry.root(), cat(action, line), facts);
    print(ShellFacts().arguments(words).text());
    return 0;
  } catch (Error& error) {
    throw error.exit_status(125);
  }
}

}  // namespace rocker::verbs
