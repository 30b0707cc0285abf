// run, create, start, attach, and what the shell and conmon tell us in between.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/bundle/options.hh"
#include "rocker-image/containers/restart.hh"
#include "rocker-image/containers/shell.hh"
#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/json.hh"
#include "spec/support/file.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

// What conmon is told beside what every container of rocker's has in common.
// `once`: the input ends with the client that is attached first (docker's StdinOnce), as a pipe's does.
std::vector<std::string> conmon_arguments(const Facts& facts, const std::string& dir, bool once) {
  std::vector<std::string> words;
  if (facts.log_driver == "none") {
    words.insert(words.end(), {"-l", "off:"});
  } else {
    words.insert(words.end(), {"-l", cat("k8s-file:", dir, "/log")});
    if (facts.log_max_size) words.insert(words.end(), {"--log-size-max", cat(*facts.log_max_size)});
  }
  if (facts.tty) words.emplace_back("-t");
  if (facts.interactive) words.emplace_back("-i");
  if (facts.tty || !once) words.emplace_back("--leave-stdin-open");
  return words;
}

ShellFacts facts_for_shell(const Room& room, const Facts& facts) {
  ShellFacts out;
  out.set("id", facts.id).set("name", facts.name);
  out.set("dir", room.registry.directory(facts.id)).set("run", room.registry.run_directory());
  out.set("direct", facts.direct ? "1" : "").set("pidfile", facts.pidfile);
  out.set("check", facts.check.command.empty() ? "" : "1");
  // For the client that attaches.
  out.set("tty", facts.tty ? "1" : "").set("keys", facts.detach_keys);
  out.set("memory", facts.memory_limit ? format_size(*facts.memory_limit) : "");
  return out;
}

// What conmon answers when the runtime failed: {"data": -1, "message": "..."}; or what the runtime said
// itself.
std::string reason_of(const std::string& answer) {
  std::string message = answer;
  if (answer.starts_with('{')) json::Document::parse(answer, "conmon").root().member("message", message);
  std::string text(trim(message));
  if (const auto end = text.find('\n'); end != std::string::npos) text.resize(end);
  for (const std::string_view prefix : {"rocker-runc: ", "Error: "}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  return text.empty() ? "the runtime could not make the container" : text;
}

struct StartOptions {
  bool all = false, attach = false, interactive = false;
  std::vector<std::string> filters;
  std::optional<std::string> detach_keys;
};

constexpr grammar::Option<StartOptions> start_table[] = {
    {{"all", 0, "", "all that do not run, the oldest first"},
     [](StartOptions& o, std::string_view v) { o.all = on(v); }},
    {{"attach", 'a', "", "attach its output"}, [](StartOptions& o, std::string_view v) { o.attach = on(v); }},
    {{"checkpoint", 0, "NAME", "checkpoints are not there yet", {}, true}, nullptr},
    {{"checkpoint-dir", 0, "DIR", "checkpoints are not there yet", {}, true}, nullptr},
    {{"detach-keys", 0, "KEYS", "what leaves it running, ctrl-p,ctrl-q"},
     [](StartOptions& o, std::string_view v) { o.detach_keys = v; }},
    {{"filter", 'f', "KEY=VALUE", "of all, only those: restart-policy, and the keys of ps"},
     [](StartOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"interactive", 'i', "", "attach its input"},
     [](StartOptions& o, std::string_view v) { o.interactive = on(v); }},
};

struct AttachOptions {
  bool no_stdin = false;
  std::optional<std::string> detach_keys;
};

constexpr grammar::Option<AttachOptions> attach_table[] = {
    {{"detach-keys", 0, "KEYS", "what leaves it running, ctrl-p,ctrl-q"},
     [](AttachOptions& o, std::string_view v) { o.detach_keys = v; }},
    {{"no-stdin", 0, "", "its output only"},
     [](AttachOptions& o, std::string_view v) { o.no_stdin = on(v); }},
    {{"sig-proxy", 0, "", "signals go to a process without a terminal; always so"},
     [](AttachOptions&, std::string_view) {}},
};

}  // namespace

std::vector<const grammar::Row*> run_rows() {
  // The rows live as long as the tables in bundle/.
  std::vector<const grammar::Row*> rows;
  for (const auto& row : bundle::bundle_options()) rows.push_back(&row);
  for (const auto& row : bundle::container_options()) rows.push_back(&row);
  return rows;
}

std::vector<const grammar::Row*> start_rows() {
  return grammar::rows_of(table(start_table));
}
std::vector<const grammar::Row*> attach_rows() {
  return grammar::rows_of(table(attach_table));
}

static bundle::Options parse_run_line(std::string_view verb, Args args) {
  const auto rows = bundle::run_options();
  bundle::Options options;
  options.command = grammar::parse(verb, grammar::Table<bundle::Options>(rows), options, args,
                                   grammar::Positionals::end_options);
  if (options.image.empty()) {
    if (options.command.empty()) {
      throw Error(cat(verb, ": which image?")).hint(cat("rocker ", verb, " --image NAME[:TAG] COMMAND"));
    }
    options.image = options.command.front();
    options.command.erase(options.command.begin());
  }
  if (options.remove && options.restart != "no")
    throw Error(cat(verb, ": --rm and --restart exclude each other"));
  return options;
}

int run(const Room& room, Args args) {
  try {
    bundle::Options options = parse_run_line("run", args);
    // A foreground run keeps its input, with or without -i.
    if (!options.detach) options.interactive = true;
    Facts facts = create(room, options);
    try {
      begin(room, facts);
    } catch (const Error&) {
      remove(room, facts.id, true, true, "");
      throw;
    }
    auto out = facts_for_shell(room, facts);
    out.set("detach", options.detach ? "1" : "")
        .arguments(conmon_arguments(facts, room.registry.directory(facts.id), !options.detach));
    print(out.text());
    return 0;
  } catch (Error& error) {
    throw error.exit_status(125);
  }
}

int create_verb(const Room& room, Args args) {
  bundle::Options options = parse_run_line("create", args);
  // Who starts it decides whether anybody watches.
  options.detach = true;
  print(cat(create(room, options).id, "\n"));
  return 0;
}

// `start --all`: those of the filters that do not run. One that belonged to a terminal has nobody to run it.
static std::vector<std::string> all_to_start(const Room& room, const std::vector<std::string>& filter_texts) {
  const Filters filters(filter_texts, "start", room.registry);
  std::vector<std::string> names;
  for (const auto& facts : room.registry.list([](const Error& error) { log::warn(error.what()); })) {
    const Live live = look(room.registry, facts);
    if (!is_up(live) && !facts.direct && filters.match(facts, live)) names.push_back(facts.name);
  }
  std::reverse(names.begin(), names.end());  // the list has the newest first
  return names;
}

int start(const Room& room, Args args) {
  StartOptions options;
  auto names = grammar::parse("start", table(start_table), options, args, grammar::Positionals::mixed);
  if (options.all || !options.filters.empty()) {
    if (!names.empty()) throw Error("start: --all and --filter take no container");
    if (options.attach || options.interactive)
      throw Error("start: only one container can be attached to, not --all");
    names = all_to_start(room, options.filters);
  } else if (names.empty()) {
    throw Error("start: which container?").hint("'rocker ps -a' lists all containers");
  }
  if ((options.attach || options.interactive) && names.size() > 1) {
    throw Error("start: only one container can be attached to");
  }
  // The shell asks for each by `begin`; here are the facts that hold for all of them.
  ShellFacts out;
  out.set("attached", options.attach || options.interactive ? "1" : "")
      .set("silent", options.interactive ? "" : "1");
  out.set("given_keys", options.detach_keys.value_or("")).arguments(names);
  print(out.text());
  return 0;
}

int begin_verb(const Room& room, Args args) {
  Facts facts = find(room, args[0]);
  const Live live = settle(room.registry, facts);
  if (live.status == Status::running || (live.status == Status::restarting && !restarts(facts))) {
    // docker: starting one that runs, or will, is no error.
    auto out = facts_for_shell(room, facts);
    print(out.set("running", "1").text());
    return 0;
  }
  begin(room, facts);
  auto out = facts_for_shell(room, facts);
  out.set("running", "")
      .arguments(conmon_arguments(facts, room.registry.directory(facts.id), args.size() > 1));
  print(out.text());
  return 0;
}

int attach(const Room& room, Args args) {
  AttachOptions options;
  const auto names =
      grammar::parse("attach", table(attach_table), options, args, grammar::Positionals::mixed);
  if (names.size() != 1) throw Error("attach: expected one container").hint("rocker attach NAME");
  Facts facts = find(room, names[0]);
  const Live live = look(room.registry, facts);
  if (live.pid == 0) throw not_running(facts, live);
  if (live.status == Status::paused)
    throw Error(cat("container ", facts.name, " is paused")).hint(cat("rocker unpause ", facts.name));
  if (facts.direct)
    throw Error(cat("container ", facts.name,
                    " belongs to the terminal that it was run in: it was run with --rm in the foreground"));
  if (options.detach_keys) facts.detach_keys = *options.detach_keys;
  auto out = facts_for_shell(room, facts);
  out.set("silent", options.no_stdin || !facts.interactive ? "1" : "");
  print(out.text());
  return 0;
}

int failed_verb(const Room& room, Args args) {
  const std::string reason = reason_of(args.size() > 1 ? args[1] : "");
  const auto has = [&](std::string_view words) { return reason.find(words) != std::string::npos; };
  const int status = has("executable file not found") || has("no such file or directory") ? 127
                     : has("permission denied") || has("xec format error")                ? 126
                                                                                          : 125;
  Facts facts = find(room, args[0]);
  failed(room, facts, reason, status);
  throw Error(reason).exit_status(status);
}

// As the hook of the runtime we are given the state, with how the process has ended.
static std::optional<int> exit_status_of_hook() {
  std::optional<int> status;
  struct stat st {};
  constexpr std::size_t most = 1 << 20;
  if (::fstat(STDIN_FILENO, &st) < 0 || !S_ISFIFO(st.st_mode)) return status;
  try {
    const auto document = json::Document::parse(read_all(STDIN_FILENO, "state", most), "state");
    document.root().member("exitStatus", status);
  } catch (const Error& error) {
    log::debug(error.what());  // without it the container's end is noted down all the same
  }
  return status;
}

int ended_verb(const Room& room, Args args) {
  std::string runtime, rocker;
  for (std::size_t i = 1; i + 1 < args.size(); i += 2)
    (args[i] == "--runtime" ? runtime : rocker) = args[i + 1];
  const End end =
      ended(room, args[0], runtime, runtime.empty() ? exit_status_of_hook() : std::nullopt, !rocker.empty());
  if (!end.restart) return 0;
  ::usleep(end.delay * 1000);
  if (!restart_now(room, end.facts)) return 0;
  const std::string root = room.registry.root();
  const char* argv[] = {rocker.c_str(), "--root", root.c_str(), "start", args[0].c_str(), nullptr};
  ::execv(rocker.c_str(), const_cast<char**>(argv));
  throw system_error(cat("exec ", rocker));
}

}  // namespace rocker::verbs
