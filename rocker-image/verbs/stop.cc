// stop, kill, wait, pause, unpause, rm, rename, prune: what ends, holds or renames containers.
#include <signal.h>
#include <unistd.h>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/shell.hh"
#include "rocker-image/verbs/confirm.hh"
#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

struct StopOptions {
  std::optional<int> time;
  std::string signal;
};

constexpr grammar::Option<StopOptions> stop_table[] = {
    {{"signal", 's', "SIGNAL", "instead of the container's own stop signal"},
     [](StopOptions& o, std::string_view v) { o.signal = bundle::parse_signal(v, "--signal"); }},
    {{"time", 't', "SECONDS", "wait that long before SIGKILL, 10; -1 waits for ever", "timeout"},
     [](StopOptions& o, std::string_view v) {
       o.time = static_cast<int>(bundle::parse_integer(v, "--time", -1, 1'000'000));
     }},
};

struct KillOptions {
  std::string signal = "SIGKILL";
};

constexpr grammar::Option<KillOptions> kill_table[] = {
    {{"signal", 's', "SIGNAL", "SIGKILL is usual"},
     [](KillOptions& o, std::string_view v) { o.signal = bundle::parse_signal(v, "--signal"); }},
};

struct RmOptions {
  bool force = false, volumes = false;
};

constexpr grammar::Option<RmOptions> rm_table[] = {
    {{"force", 'f', "", "kill one that runs; no error when there is none"},
     [](RmOptions& o, std::string_view v) { o.force = on(v); }},
    {{"volumes", 'v', "", "its anonymous volumes too"},
     [](RmOptions& o, std::string_view v) { o.volumes = on(v); }},
};

struct PruneOptions {
  bool force = false;
  std::vector<std::string> filters;
};

constexpr grammar::Option<PruneOptions> prune_table[] = {
    {{"filter", 0, "KEY=VALUE", "only those: label=, label!=, until="},
     [](PruneOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"force", 'f', "", "do not ask"}, [](PruneOptions& o, std::string_view v) { o.force = on(v); }},
};

void set_paused(const Room& room, const std::string& text, bool pause) {
  const Facts facts = find(room, text);
  const Live live = look(room.registry, facts);
  if (live.pid == 0) throw not_running(facts, live);
  if ((live.status == Status::paused) == pause)
    throw Error(cat("container ", facts.name, pause ? " is paused already" : " is not paused"));
  call_runtime(room, {pause ? "pause" : "resume", facts.id});
  note_event(room.registry.root(), pause ? "pause" : "unpause", facts);
  print(cat(text, "\n"));
}

}  // namespace

std::vector<const grammar::Row*> stop_rows() {
  return grammar::rows_of(table(stop_table));
}
std::vector<const grammar::Row*> kill_rows() {
  return grammar::rows_of(table(kill_table));
}
std::vector<const grammar::Row*> rm_rows() {
  return grammar::rows_of(table(rm_table));
}
std::vector<const grammar::Row*> prune_rows() {
  return grammar::rows_of(table(prune_table));
}

static int stop_all(const Room& room, Args args, std::string_view verb, bool say) {
  StopOptions options;
  const auto names = grammar::parse(verb, table(stop_table), options, args, grammar::Positionals::mixed);
  return for_each_name(verb, names, [&](const std::string& text) {
    Facts facts = find(room, text);
    stop(room, facts, options.time, runtime(), options.signal);
    if (say) print(cat(text, "\n"));
  });
}

int stop_verb(const Room& room, Args args) {
  return stop_all(room, args, "stop", true);
}

// The first half of restart; the names come back for the second, which is the shell's.
int restart_verb(const Room& room, Args args) {
  StopOptions options;
  const auto names = grammar::parse("restart", table(stop_table), options, args, grammar::Positionals::mixed);
  std::string out = "set --";
  const int status = for_each_name("restart", names, [&](const std::string& text) {
    Facts facts = find(room, text);
    if (is_up(look(room.registry, facts))) stop(room, facts, options.time, runtime(), options.signal);
    note_event(room.registry.root(), "restart", facts);
    out += cat(" ", containers::shell_quote(text));
  });
  print(cat(out, "\nstatus=", status, "\n"));
  return 0;
}

int kill_verb(const Room& room, Args args) {
  KillOptions options;
  const auto names = grammar::parse("kill", table(kill_table), options, args, grammar::Positionals::mixed);
  return for_each_name("kill", names, [&](const std::string& text) {
    Facts facts = find(room, text);
    const int number = bundle::signal_number(options.signal);
    // docker: there is nothing to send it to, and its restarting is over.
    const bool restarting = settle(room.registry, facts).status == Status::restarting;
    const UniqueFd process = open_process(room.registry, facts);
    if (!restarting && !process) throw Error(cat("container ", facts.name, " is not running"));
    const auto note = [&] { note_event(room.registry.root(), "kill", facts, {{"signal", cat(number)}}); };
    if (restarting || number == SIGKILL) {
      if (restarting) note();  // else stop() does
      // A killed one is ended when this returns, so that `rocker kill x && rocker rm x` works.
      stop(room, facts, 0, runtime(), {}, Notes::kill);
    } else {
      send_signal(process.get(), number, cat("container ", facts.name));
      thaw(room, facts, runtime());
      note();
    }
    print(cat(text, "\n"));
  });
}

int wait_verb(const Room& room, Args args) {
  return for_each_name("wait", {args.begin(), args.end()}, [&](const std::string& text) {
    const Facts facts = wait_for_end(room, find(room, text), runtime());
    print(cat(facts.exit_code.value_or(255), "\n"));
  });
}

int pause_verb(const Room& room, Args args) {
  return for_each_name("pause", {args.begin(), args.end()},
                       [&](const std::string& text) { set_paused(room, text, true); });
}

int unpause_verb(const Room& room, Args args) {
  return for_each_name("unpause", {args.begin(), args.end()},
                       [&](const std::string& text) { set_paused(room, text, false); });
}

int rm_verb(const Room& room, Args args) {
  RmOptions options;
  const auto names = grammar::parse("rm", table(rm_table), options, args, grammar::Positionals::mixed);
  return for_each_name("rm", names, [&](const std::string& text) {
    std::string id;
    try {
      id = room.registry.resolve(text);
    } catch (const Error& error) {
      if (!options.force || !std::string_view(error.what()).starts_with("No such container")) throw;
      return;
    }
    if (!remove(room, id, options.force, options.volumes, runtime()) && !options.force)
      throw Error(cat("No such container: ", printable(text)));
    print(cat(text, "\n"));
  });
}

int rename_verb(const Room& room, Args args) {
  if (args.size() != 2)
    throw Error("rename: expected a container and its new name").hint("rocker rename OLD NEW");
  Facts facts = find(room, args[0]);
  const FileLock lock = room.registry.lock(facts.id);
  facts = room.registry.load(facts.id);
  const std::string before = facts.name;
  room.registry.rename(facts, args[1]);
  note_event(room.registry.root(), "rename", facts, {{"oldName", before}});
  return 0;
}

int prune_verb(const Room& room, Args args) {
  PruneOptions options;
  const auto rest =
      grammar::parse("container prune", table(prune_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("container prune", rest);
  const Filters filters(options.filters, "container prune", room.registry);
  if (!confirmed(options.force, "all stopped containers")) return 0;
  const auto bytes = prune_containers(room, filters);
  print(cat("Total reclaimed space: ", format_size(bytes), "\n"));
  return 0;
}

std::uint64_t prune_containers(const Room& room, const Filters& filters) {
  std::string removed;
  std::uint64_t bytes = 0;
  room.registry.clear_debris();
  for (const auto& facts : room.registry.list([](const Error& error) { log::warn(error.what()); })) {
    const Live live = look(room.registry, facts);
    if (is_up(live) || !filters.match(facts, live)) continue;
    const std::uint64_t size = tree_size(cat(room.registry.directory(facts.id), "/overlay/upper"));
    if (!remove(room, facts.id, false, false, runtime())) continue;
    removed += cat(facts.id, "\n");
    bytes += size;
  }
  if (!removed.empty()) print(cat("Deleted Containers:\n", removed, "\n"));
  return bytes;
}

}  // namespace rocker::verbs
