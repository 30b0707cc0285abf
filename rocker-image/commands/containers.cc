// The commands that scripts/rocker asks about containers. They speak as "rocker", since that is whom the user
// called.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/bundle/capabilities.hh"
#include "rocker-image/bundle/users.hh"
#include "rocker-image/bundle/values.hh"
#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/containers/k8s_log.hh"
#include "rocker-image/containers/lifecycle.hh"
#include "rocker-image/containers/shell.hh"
#include "rocker-image/grammar.hh"
#include "spec/json.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

using namespace containers;

namespace {

using Args = std::span<const std::string>;

// What conmon is told beside what every container of rocker's has in common.
std::vector<std::string> conmon_arguments(const Facts& facts, const std::string& dir) {
  std::vector<std::string> words;
  if (facts.log_driver == "none") {
    words.insert(words.end(), {"-l", "off:"});
  } else {
    words.insert(words.end(), {"-l", cat("k8s-file:", dir, "/log")});
    if (facts.log_max_size) words.insert(words.end(), {"--log-size-max", cat(*facts.log_max_size)});
  }
  if (facts.tty) words.emplace_back("-t");
  if (facts.interactive) words.emplace_back("-i");
  return words;
}

void print_start(const Room& room, const Facts& facts) {
  const std::string dir = room.registry.directory(facts.id);
  ShellFacts out;
  out.set("id", facts.id).set("name", facts.name).set("dir", dir).set("run", room.registry.run_directory());
  out.set("direct", facts.direct ? "1" : "").set("pidfile", facts.pidfile);
  // For the client that attaches.
  out.set("tty", facts.tty ? "1" : "").set("keys", facts.detach_keys);
  out.set("memory", facts.memory_limit ? format_size(*facts.memory_limit) : "");
  out.arguments(conmon_arguments(facts, dir));
  print(out.text());
}

// run|create LINE...
int run_line(const Room& room, Args args) {
  const bool run = args[0] == "run";
  const std::string verb(args[0]);
  const auto table = bundle::run_options();
  const std::span<const grammar::Option<bundle::Options>> rows(table);
  args = args.subspan(1);
  if (!args.empty() && (args[0] == "--help")) {
    print(cat("Usage: rocker ", verb, " [OPTIONS] IMAGE [COMMAND [ARG...]]\n       rocker ", verb,
              " --image IMAGE [OPTIONS] [COMMAND [ARG...]]\n\n",
              "Runs a command in a new container of an image. It stays in the foreground, and keeps its "
              "input, unless -d\n"
              "says otherwise. The network is none, with its loopback interface up, unless --network says "
              "otherwise.\n\n",
              "Options:\n", grammar::help_lines(grammar::rows_of(rows))));
    return 2;
  }
  try {
    bundle::Options options;
    options.command = grammar::parse(verb, rows, options, args, grammar::Positionals::end_options);
    if (options.image.empty()) {
      if (options.command.empty())
        throw Error(cat(verb, ": which image?")).hint(cat("rocker ", verb, " --image NAME[:TAG] COMMAND"));
      options.image = options.command.front();
      options.command.erase(options.command.begin());
    }
    if (options.remove && options.restart != "no") throw Error("--rm and --restart exclude each other");
    // A foreground run keeps its input, with or without -i.
    if (run && !options.detach) options.interactive = true;
    Facts facts = create(room, options);
    if (!run) {
      print(cat(facts.id, "\n"));
      return 0;
    }
    try {
      begin(room, facts);
    } catch (const Error&) {
      remove(room, facts.id, true, "");
      throw;
    }
    print(cat("detach=", options.detach ? "1" : "", "\n"));
    print_start(room, facts);
    return 0;
  } catch (Error& error) {
    if (run) error.exit_status(125);
    throw;
  }
}

// begin NAME: `start`
int begin_command(const Room& room, Args args) {
  Facts facts = room.registry.load(room.registry.resolve(args[0]));
  facts.direct = false;
  begin(room, facts);
  print_start(room, facts);
  return 0;
}

// What conmon answers when the runtime failed: {"data": -1, "message": "..."}.
std::string conmon_message(const std::string& answer) {
  std::string message;
  try {
    json::Document::parse(answer, "conmon").root().member("message", message);
  } catch (const Error&) {
    message = answer;
  }
  std::string text(trim(message));
  if (const auto end = text.find('\n'); end != std::string::npos) text.resize(end);
  for (const std::string_view prefix : {"rocker-runc: ", "Error: "}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  return text.empty() ? "the runtime could not make the container" : text;
}

// failed ID ANSWER
int failed_command(const Room& room, Args args) {
  const std::string reason = conmon_message(args.size() > 1 ? args[1] : "");
  const auto has = [&](std::string_view words) { return reason.find(words) != std::string::npos; };
  const int status = has("executable file not found") || has("no such file or directory") ? 127
                     : has("permission denied") || has("xec format error")                ? 126
                                                                                          : 125;
  Facts facts = room.registry.load(room.registry.resolve(args[0]));
  failed(room, facts, reason, status);
  throw Error(reason).exit_status(status);
}

// ended ID [--runtime PATH] [--rocker PATH]: conmon's exit command, and the poststop hook.
int ended_command(const Room& room, Args args) {
  std::string runtime, rocker;
  for (std::size_t i = 1; i + 1 < args.size(); i += 2)
    (args[i] == "--runtime" ? runtime : rocker) = args[i + 1];
  const End end = ended(room, args[0], runtime);
  if (!end.restart || rocker.empty()) return 0;
  ::usleep(end.delay * 1000);
  const std::string root = room.registry.root();
  const char* argv[] = {rocker.c_str(), "--root", root.c_str(), "start", args[0].c_str(), nullptr};
  ::execv(rocker.c_str(), const_cast<char**>(argv));
  throw system_error(cat("exec ", rocker));
}

std::string command_text(const std::vector<std::string>& command) {
  return printable(join(command, " "), 1024);
}

std::string status_text(const Facts& facts, const Live& live) {
  switch (live.status) {
    case Status::created: return "Created";
    case Status::starting: return "Starting";
    case Status::running: return "Running";
    case Status::paused: return "Paused";
    case Status::exited: break;
  }
  return facts.exit_code ? cat("Exited (", *facts.exit_code, ")") : "Exited (unknown)";
}

struct PsOptions {
  bool all = false, quiet = false, latest = false, no_trunc = false;
};

constexpr grammar::Option<PsOptions> ps_options[] = {
    {{"all", 'a', "", "stopped ones too"}, [](PsOptions& o, std::string_view v) { o.all = v == "true"; }},
    {{"latest", 'l', "", "the newest one only"},
     [](PsOptions& o, std::string_view v) { o.latest = v == "true"; }},
    {{"no-trunc", 0, "", "nothing cut"}, [](PsOptions& o, std::string_view v) { o.no_trunc = v == "true"; }},
    {{"quiet", 'q', "", "IDs only"}, [](PsOptions& o, std::string_view v) { o.quiet = v == "true"; }},
};

int ps(const Room& room, Args args) {
  PsOptions options;
  if (!args.empty() && args[0] == "--help") {
    print(cat("Usage: rocker ps [OPTIONS]\n\nOptions:\n",
              grammar::help_lines(grammar::rows_of(grammar::Table<PsOptions>(ps_options)))));
    return 0;
  }
  const auto rest =
      grammar::parse("ps", grammar::Table<PsOptions>(ps_options), options, args, grammar::Positionals::mixed);
  if (!rest.empty()) throw Error(cat("ps: \"", printable(rest[0]), "\" is one argument too many"));
  std::vector<std::vector<std::string>> rows{
      {"CONTAINER ID", "NAME", "IMAGE", "PID", "STATUS", "COMMAND", "CREATED"}};
  std::string ids;
  for (const auto& facts : room.registry.list([](const Error& error) { log::warn(error.what()); })) {
    const Live live = look(room.registry, facts);
    const bool running = live.status == Status::running || live.status == Status::paused;
    if (!running && !options.all && !options.latest) continue;
    const std::string id = options.no_trunc ? facts.id : short_id(facts.id);
    ids += cat(id, "\n");
    std::string command = command_text(facts.command);
    if (!options.no_trunc && command.size() > 30) command = cat(command.substr(0, 27), "...");
    rows.push_back({id, facts.name, facts.image, live.pid != 0 ? cat(live.pid) : "-",
                    status_text(facts, live), command, spec::local_time(facts.created_ns)});
    if (options.latest) break;
  }
  print(options.quiet ? ids : table_text(rows));
  return 0;
}

// Does something for every name, says what went wrong for each, and goes on.
template <typename Fn>
int for_each_name(std::string_view verb, const std::vector<std::string>& names, Fn fn) {
  if (names.empty()) throw Error(cat(verb, ": which container?")).hint("'rocker ps -a' lists all containers");
  int status = 0;
  for (const auto& text : names) {
    try {
      fn(text);
    } catch (const Error& error) {
      log::error(error.what());
      status = 1;
    }
  }
  return status;
}

struct StopOptions {
  std::optional<int> time;
  std::string runtime;
};

constexpr grammar::Option<StopOptions> stop_options[] = {
    {{"time", 't', "SECONDS", "wait that long before SIGKILL, 10; -1 for ever", "timeout"},
     [](StopOptions& o, std::string_view v) {
       o.time = static_cast<int>(bundle::parse_integer(v, "--time", -1, 1'000'000));
     }},
    {{"runtime", 0, "PROGRAM", "the runtime"}, [](StopOptions& o, std::string_view v) { o.runtime = v; }},
};

int stop_command(const Room& room, Args args) {
  StopOptions options;
  const auto names = grammar::parse("stop", grammar::Table<StopOptions>(stop_options), options, args,
                                    grammar::Positionals::mixed);
  return for_each_name("stop", names, [&](const std::string& text) {
    Facts facts = room.registry.load(room.registry.resolve(text));
    stop(room, facts, options.time, options.runtime);
    print(cat(text, "\n"));
  });
}

struct RmOptions {
  bool force = false;
  std::string runtime;
};

constexpr grammar::Option<RmOptions> rm_options[] = {
    {{"force", 'f', "", "kill it when it runs; no error when there is none"},
     [](RmOptions& o, std::string_view v) { o.force = v == "true"; }},
    {{"runtime", 0, "PROGRAM", "the runtime"}, [](RmOptions& o, std::string_view v) { o.runtime = v; }},
    {{"volumes", 'v', "", "anonymous volumes too; they always go"}, [](RmOptions&, std::string_view) {}},
};

int rm_command(const Room& room, Args args) {
  RmOptions options;
  const auto names =
      grammar::parse("rm", grammar::Table<RmOptions>(rm_options), options, args, grammar::Positionals::mixed);
  return for_each_name("rm", names, [&](const std::string& text) {
    remove(room, room.registry.resolve(text), options.force, options.runtime);
    print(cat(text, "\n"));
  });
}

struct LogsOptions : LogOptions {};

constexpr grammar::Option<LogsOptions> logs_options[] = {
    {{"follow", 'f', "", "wait for more"},
     [](LogsOptions& o, std::string_view v) { o.follow = v == "true"; }},
    {{"tail", 'n', "N", "the last lines only, or all"},
     [](LogsOptions& o, std::string_view v) {
       o.tail = v == "all" ? -1 : static_cast<long>(bundle::parse_integer(v, "--tail", -1, INT32_MAX));
     }},
    {{"timestamps", 't', "", "when each line was written"},
     [](LogsOptions& o, std::string_view v) { o.timestamps = v == "true"; }},
};

int logs_command(const Room& room, Args args) {
  LogsOptions options;
  const auto names = grammar::parse("logs", grammar::Table<LogsOptions>(logs_options), options, args,
                                    grammar::Positionals::mixed);
  if (names.size() != 1) throw Error("logs: expected one container").hint("rocker logs [OPTIONS] NAME");
  const Facts facts = room.registry.load(room.registry.resolve(names[0]));
  if (facts.direct)
    throw Error(cat("container ", facts.name, " has no log: it was run with --rm in the foreground"))
        .hint("run it with -d");
  if (facts.log_driver == "none")
    throw Error(cat("container ", facts.name, " has no log: it was made with --log-driver none"));
  const std::string path = cat(room.registry.directory(facts.id), "/log");
  if (::access(path.c_str(), F_OK) != 0) return 0;  // never started
  struct Context {
    const Room& room;
    const Facts& facts;
  } context{room, facts};
  show_log(
      path, options,
      [](void* opaque) {
        const auto& c = *static_cast<Context*>(opaque);
        return open_process(c.room.registry, c.facts) || open_monitor(c.room.registry, c.facts);
      },
      &context);
  return 0;
}

struct ExecOptions {
  bool tty = false, detach = false, privileged = false;
  std::vector<std::string> env, env_from_files;
  std::string user, workdir;
};

constexpr grammar::Option<ExecOptions> exec_options[] = {
    {{"detach", 'd', "", "in the background"},
     [](ExecOptions& o, std::string_view v) { o.detach = v == "true"; }},
    {{"env", 'e', "NAME[=VALUE]", "a variable"},
     [](ExecOptions& o, std::string_view v) { o.env.emplace_back(v); }},
    {{"env-file", 0, "FILE", "a file of such lines"},
     [](ExecOptions& o, std::string_view v) {
       for (auto& line : bundle::read_list_file(v, "--env-file")) o.env_from_files.push_back(std::move(line));
     }},
    {{"interactive", 'i', "", "keep stdin; always so"}, [](ExecOptions&, std::string_view) {}},
    {{"privileged", 0, "", "all capabilities"},
     [](ExecOptions& o, std::string_view v) { o.privileged = v == "true"; }},
    {{"tty", 't', "", "a terminal"}, [](ExecOptions& o, std::string_view v) { o.tty = v == "true"; }},
    {{"user", 'u', "USER[:GROUP]", "names of the container's, or numbers"},
     [](ExecOptions& o, std::string_view v) { o.user = v; }},
    {{"workdir", 'w', "PATH", "the working directory"},
     [](ExecOptions& o, std::string_view v) { o.workdir = v; }},
};

int exec_line(const Room& room, Args args) {
  if (!args.empty() && args[0] == "--help") {
    print(cat("Usage: rocker exec [OPTIONS] CONTAINER COMMAND [ARG...]\n\nOptions:\n",
              grammar::help_lines(grammar::rows_of(grammar::Table<ExecOptions>(exec_options)))));
    return 2;
  }
  try {
    ExecOptions options;
    const auto rest = grammar::parse("exec", grammar::Table<ExecOptions>(exec_options), options, args,
                                     grammar::Positionals::end_options);
    if (rest.size() < 2)
      throw Error("exec: expected a container and a command").hint("rocker exec [OPTIONS] NAME COMMAND");
    const Facts facts = room.registry.load(room.registry.resolve(rest[0]));
    const Live live = look(room.registry, facts);
    if (live.pid == 0)
      throw Error(cat("container ", facts.name, " is not running")).hint(cat("rocker start ", facts.name));
    if (live.status == Status::paused)
      throw Error(cat("container ", facts.name, " is paused")).hint(cat("rocker unpause ", facts.name));
    std::vector<std::string> words{"--root", room.registry.run_directory(), "exec"};
    const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
    if (options.tty) add({"--tty"});
    if (options.detach) add({"--detach"});
    if (!options.workdir.empty()) add({"--cwd", options.workdir});
    if (!options.user.empty()) {
      const UniqueFd root = open_path(cat("/proc/", live.pid, "/root"), O_PATH | O_DIRECTORY);
      const auto who = bundle::resolve_user(root.get(), options.user, {});
      add({"--user", cat(who.user.uid, ":", who.user.gid)});
      for (const gid_t gid : who.user.additional_gids) add({"--additional-gids", cat(gid)});
      if (!who.home.empty()) add({"--env", cat("HOME=", who.home)});
    }
    if (options.tty) add({"--env", "TERM=xterm"});
    options.env_from_files.insert(options.env_from_files.end(), options.env.begin(), options.env.end());
    for (const auto& text : options.env_from_files) {
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
    words.insert(words.end(), rest.begin() + 1, rest.end());
    print(ShellFacts().arguments(words).text());
    return 0;
  } catch (Error& error) {
    throw error.exit_status(125);
  }
}

void write_container(json::Writer& w, const Room& room, const Facts& facts) {
  const Live live = look(room.registry, facts);
  const std::string dir = room.registry.directory(facts.id);
  w.object([&] {
    w.member("Id", facts.id);
    w.member("Name", facts.name);
    w.member("Created", spec::utc_time(facts.created_ns));
    w.member("Image", facts.image);
    w.member("ImageID", facts.image_id);
    w.member("Path", facts.command.empty() ? std::string() : facts.command[0]);
    w.member("Args", std::vector<std::string>(facts.command.begin() + (facts.command.empty() ? 0 : 1),
                                              facts.command.end()));
    w.object("State", [&] {
      w.member("Status", name(live.status));
      w.member("Running", live.status == Status::running || live.status == Status::paused);
      w.member("Paused", live.status == Status::paused);
      w.member("OOMKilled", facts.oom_killed);
      w.member("Pid", live.pid);
      w.member("ExitCode", facts.exit_code.value_or(0));
      w.member("Error", facts.error);
      w.member("StartedAt", spec::utc_time(facts.started_ns));
      w.member("FinishedAt", spec::utc_time(facts.finished_ns));
    });
    w.member("RestartCount", facts.restart_count);
    w.member("LogPath", facts.direct || facts.log_driver == "none" ? std::string() : cat(dir, "/log"));
    w.member("Bundle", dir);
    w.object("Config", [&] {
      w.member("Tty", facts.tty);
      w.member("OpenStdin", facts.interactive);
      w.member("Labels", facts.labels);
      w.member("StopSignal", facts.stop_signal);
    });
  });
}

int inspect_command(const Room& room, Args args) {
  json::Writer w;
  int status = 0;
  w.array([&] {
    status = for_each_name("inspect", {args.begin(), args.end()}, [&](const std::string& text) {
      // A name may be a container's or an image's; docker looks for the container first.
      try {
        write_container(w, room, room.registry.load(room.registry.resolve(text)));
      } catch (const Error& no_container) {
        std::optional<Image> image;
        try {
          image = room.store.find(text);
        } catch (const Error&) {
          throw Error(cat("No such container or image: ", printable(text)));
        }
        w.raw(json::Document::parse(spec::write_image_record(image->record), "image.json").root().text());
      }
    });
  });
  print(w.text());
  return status;
}

struct Verb {
  std::string_view name;
  int (*run)(const Room& room, Args args);
  std::size_t least = 0;  // arguments
};

constexpr Verb verbs[] = {
    {"begin", begin_command, 1},
    {"ended", ended_command, 1},
    {"exec-line", exec_line},
    {"failed", failed_command, 1},
    {"inspect", inspect_command},
    {"logs", logs_command},
    {"ps", ps},
    {"rm", rm_command},
    {"run-line", run_line, 1},
    {"stop", stop_command},
};

}  // namespace

int container(const Globals& globals, const std::vector<std::string>& args) {
  std::string names;
  for (const auto& verb : verbs) names += cat(names.empty() ? "" : ", ", verb.name);
  if (args.empty() || args[0] == "--help") {
    print(cat("Usage: rocker-image container VERB ...\n\nWhat the rocker program asks about containers: ",
              names, ".\n"));
    return args.empty() ? 1 : 0;
  }
  const auto verb =
      std::find_if(std::begin(verbs), std::end(verbs), [&](const Verb& v) { return v.name == args[0]; });
  if (verb == std::end(verbs) || args.size() - 1 < verb->least) {
    throw Error(cat("container: expected one of ", names, ", found \"", printable(args[0]), "\""));
  }
  log::set_program("rocker");
  return verb->run(Room(globals.root), Args(args).subspan(1));
}

}  // namespace rocker::commands
