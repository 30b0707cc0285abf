// top, stats, update: what containers use, and what they may use.
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/template/rows.hh"
#include "rocker-image/verbs/spawn.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

struct StatsOptions {
  bool all = false, no_stream = false, no_trunc = false;
  std::string format;
};

constexpr grammar::Option<StatsOptions> stats_table[] = {
    {{"all", 'a', "", "those that do not run, too"},
     [](StatsOptions& o, std::string_view v) { o.all = on(v); }},
    {{"format", 0, "FORMAT", "table, json, or a template like {{.CPUPerc}}"},
     [](StatsOptions& o, std::string_view v) { o.format = v; }},
    {{"no-stream", 0, "", "once, not again and again"},
     [](StatsOptions& o, std::string_view v) { o.no_stream = on(v); }},
    {{"no-trunc", 0, "", "nothing cut"}, [](StatsOptions& o, std::string_view v) { o.no_trunc = on(v); }},
};

constexpr Column stats_columns[] = {
    {"CONTAINER ID", "ID"}, {"NAME", "Name"},     {"CPU %", "CPUPerc"},     {"MEM USAGE / LIMIT", "MemUsage"},
    {"MEM %", "MemPerc"},   {"NET I/O", "NetIO"}, {"BLOCK I/O", "BlockIO"}, {"PIDS", "PIDs"}};

// What `rocker-runc events --stats` says of a container, as far as it is shown.
struct Sample {
  std::uint64_t cpu_ns = 0, memory = 0, limit = 0, pids = 0, read = 0, written = 0;
  std::int64_t at_ns = 0;
};

std::uint64_t number_at(json::Value v, std::initializer_list<std::string_view> path) {
  for (const auto name : path) {
    if (!v.is_object()) return 0;
    const auto next = v.find(name);
    if (!next) return 0;
    v = *next;
  }
  return v.is_number() ? v.as_uint() : 0;
}

std::uint64_t memory_of_host() {
  const std::string text = read_file("/proc/meminfo", 64 << 10);
  unsigned long long kilobytes = 0;
  const auto line = split(text, '\n')[0];
  const auto digits = line.find_first_of("0123456789");
  if (digits != std::string_view::npos)
    parse_number(line.substr(digits, line.find(' ', digits) - digits), kilobytes);
  return kilobytes * 1024;
}

Sample take_sample(const Room& room, const Facts& facts) {
  Sample sample;
  const auto document = json::Document::parse(call_runtime(room, {"events", "--stats", facts.id}), "stats");
  const auto data = document.root().at("data");
  sample.at_ns = now_ns();
  sample.cpu_ns = number_at(data, {"cpu", "usage", "total"});
  const auto cache = number_at(data, {"memory", "raw", "total_inactive_file"}) +
                     number_at(data, {"memory", "raw", "inactive_file"});
  sample.memory = number_at(data, {"memory", "usage", "usage"});
  sample.memory -= std::min(sample.memory, std::min(cache, sample.memory));
  sample.limit = number_at(data, {"memory", "usage", "limit"});
  const std::uint64_t host = memory_of_host();
  if (sample.limit == 0 || sample.limit > host) sample.limit = host;
  sample.pids = number_at(data, {"pids", "current"});
  if (const auto io = data.find("blkio"); io && io->is_object()) {
    if (const auto list = io->find("ioServiceBytesRecursive"); list && list->is_array()) {
      list->each_element([&](const json::Value& entry) {
        const auto op = entry.find("op");
        const std::string kind = op && op->is_string() ? op->as_string() : "";
        if (kind == "Read" || kind == "read") sample.read += number_at(entry, {"value"});
        if (kind == "Write" || kind == "write") sample.written += number_at(entry, {"value"});
      });
    }
  }
  return sample;
}

// Hundredths, cut: "12.34%".
std::string percent(std::uint64_t part, std::uint64_t whole) {
  const auto value =
      whole == 0 ? 0 : static_cast<std::uint64_t>(static_cast<unsigned __int128>(part) * 10'000 / whole);
  return cat(value / 100, ".", value % 100 < 10 ? "0" : "", value % 100, "%");
}

std::string stats_row(const Facts& facts, const std::optional<Sample>& first,
                      const std::optional<Sample>& second, bool no_trunc) {
  const Sample zero;
  const Sample& s = second ? *second : zero;
  const auto elapsed = first && second ? static_cast<std::uint64_t>(second->at_ns - first->at_ns) : 0;
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("BlockIO", cat(format_size(s.read), " / ", format_size(s.written)));
    w.member("CPUPerc",
             percent(first && second && second->cpu_ns > first->cpu_ns ? second->cpu_ns - first->cpu_ns : 0,
                     elapsed));
    w.member("Container", short_id(facts.id));
    w.member("ID", no_trunc ? facts.id : short_id(facts.id));
    w.member("MemPerc", percent(s.memory, s.limit));
    w.member("MemUsage", cat(format_size(s.memory), " / ", format_size(s.limit)));
    w.member("Name", facts.name);
    w.member("NetIO", "0B / 0B");
    w.member("PIDs", cat(s.pids));
  });
  return w.text();
}

struct UpdateOptions {
  spec::Resources resources;
  std::optional<std::int64_t> cpus;
  std::string restart;
};

constexpr grammar::Option<UpdateOptions> update_table[] = {
    {{"blkio-weight", 0, "N", "share of block I/O, 10 to 1000"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.block_io.weight =
           static_cast<std::uint16_t>(bundle::parse_integer(v, "--blkio-weight", 10, 1000));
     }},
    {{"cpu-period", 0, "MICROSECONDS", "period of the CPU quota"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.cpu.period =
           static_cast<std::uint64_t>(bundle::parse_integer(v, "--cpu-period", 1000, 1'000'000));
     }},
    {{"cpu-quota", 0, "MICROSECONDS", "CPU time in a period; -1 is unlimited"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.cpu.quota = bundle::parse_integer(v, "--cpu-quota", -1, INT64_MAX);
     }},
    {{"cpu-shares", 'c', "N", "share of the CPU beside others", "cpushare"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.cpu.shares =
           static_cast<std::uint64_t>(bundle::parse_integer(v, "--cpu-shares", 2, 262'144));
     }},
    {{"cpus", 0, "N", "how many CPUs' time, 1.5; 0 is unlimited"},
     [](UpdateOptions& o, std::string_view v) { o.cpus = bundle::parse_cpus(v); }},
    {{"cpuset-cpus", 0, "LIST", "which CPUs", "cpuset"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.cpu.cpus = bundle::parse_cpu_list(v, "--cpuset-cpus");
     }},
    {{"cpuset-mems", 0, "LIST", "which memory nodes"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.cpu.mems = bundle::parse_cpu_list(v, "--cpuset-mems");
     }},
    {{"memory", 'm', "SIZE", "memory limit"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.memory.limit = v == "-1" ? -1 : static_cast<std::int64_t>(parse_size(v, "--memory"));
     }},
    {{"memory-reservation", 0, "SIZE", "what is left to it when memory is short"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.memory.reservation = static_cast<std::int64_t>(parse_size(v, "--memory-reservation"));
     }},
    {{"memory-swap", 0, "SIZE", "limit of memory and swap together; -1 is unlimited"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.memory.swap = v == "-1" ? -1 : static_cast<std::int64_t>(parse_size(v, "--memory-swap"));
     }},
    {{"pids-limit", 0, "N", "most processes; -1 is unlimited"},
     [](UpdateOptions& o, std::string_view v) {
       o.resources.pids_limit = bundle::parse_integer(v, "--pids-limit", -1, INT64_MAX);
     }},
    {{"restart", 0, "POLICY", "no, on-failure[:N], always, unless-stopped"},
     [](UpdateOptions& o, std::string_view v) { o.restart = bundle::parse_restart_policy(v); }},
};

// The new limits into config.json as well, so that the next start has them.
void merge(spec::Resources& into, const spec::Resources& from) {
  const auto take = [](auto& to, const auto& value) {
    if (value) to = value;
  };
  take(into.memory.limit, from.memory.limit);
  take(into.memory.reservation, from.memory.reservation);
  take(into.memory.swap, from.memory.swap);
  take(into.cpu.shares, from.cpu.shares);
  take(into.cpu.quota, from.cpu.quota);
  take(into.cpu.period, from.cpu.period);
  take(into.block_io.weight, from.block_io.weight);
  take(into.pids_limit, from.pids_limit);
  if (!from.cpu.cpus.empty()) into.cpu.cpus = from.cpu.cpus;
  if (!from.cpu.mems.empty()) into.cpu.mems = from.cpu.mems;
}

}  // namespace

std::vector<const grammar::Row*> stats_rows() {
  return grammar::rows_of(table(stats_table));
}
std::vector<const grammar::Row*> update_rows() {
  return grammar::rows_of(table(update_table));
}

int stats(const Room& room, Args args) {
  StatsOptions options;
  const auto names = grammar::parse("stats", table(stats_table), options, args, grammar::Positionals::mixed);
  if (options.format.empty()) options.format = "table";
  const bool live_table = !options.no_stream && ::isatty(STDOUT_FILENO) != 0 && options.format == "table";
  std::map<std::string, Sample> before;
  constexpr int first_interval = 500, interval = 1000;  // milliseconds
  for (bool first = true;; first = false) {
    std::vector<Facts> shown;
    if (names.empty()) {
      shown = room.registry.list([](const Error& error) { log::warn(error.what()); });
    } else {
      for (const auto& name : names) shown.push_back(find(room, name));
    }
    std::vector<std::string> rows;
    std::map<std::string, Sample> now;
    for (const auto& facts : shown) {
      const bool runs = look(room.registry, facts).pid != 0;
      if (!runs && !options.all && names.empty()) continue;
      std::optional<Sample> old, fresh;
      if (const auto it = before.find(facts.id); it != before.end()) old = it->second;
      try {
        if (runs) fresh = now[facts.id] = take_sample(room, facts);
      } catch (const Error& error) {
        if (look(room.registry, facts).pid != 0) throw;  // else it has just ended
      }
      rows.push_back(stats_row(facts, old, fresh, options.no_trunc));
    }
    before = std::move(now);
    // A share of the CPU takes two looks.
    if (!first) {
      print(cat(live_table ? "\033[H\033[J" : "",
                render_rows(options.format, rows, {std::begin(stats_columns), std::end(stats_columns)})));
      if (options.no_stream) return 0;
    }
    ::poll(nullptr, 0, first ? first_interval : interval);
  }
}

int top(const Room& room, Args args) {
  if (args.empty()) throw Error("top: which container?").hint("rocker top NAME [OPTIONS of ps]");
  const Facts facts = find(room, args[0]);
  if (const auto live = look(room.registry, facts); live.pid == 0) throw not_running(facts, live);
  const auto document = json::Document::parse(call_runtime(room, {"ps", "--format", "json", facts.id}), "ps");
  std::vector<std::string> pids;
  document.root().each_element([&](const json::Value& pid) { pids.push_back(cat(pid.as_int())); });
  if (args.size() == 1) return run_attached({"ps", "-f", "-p", join(pids, ",")});
  // Whatever its options choose, shown is what is the container's.
  std::vector<std::string> line{"ps"};
  line.insert(line.end(), args.begin() + 1, args.end());
  const Outcome outcome = run_program(line);
  if (outcome.status != 0) {
    // The rest is its usage.
    throw Error(cat("top: ps: ", printable(trim(split(outcome.err, '\n')[0]), 200))).hint("see ps(1)");
  }
  const auto words = [](std::string_view text) {
    std::vector<std::string_view> found;
    for (const auto word : split(text, ' ')) {
      if (!word.empty()) found.push_back(word);
    }
    return found;
  };
  const auto rows = split(outcome.out, '\n');
  const auto titles = words(rows[0]);
  const auto pid = static_cast<std::size_t>(std::find(titles.begin(), titles.end(), "PID") - titles.begin());
  if (pid == titles.size())
    throw Error("top: ps prints no column PID").hint("leave it in: rocker top NAME -o pid,comm");
  std::string text = cat(rows[0], "\n");
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto fields = words(rows[i]);
    if (fields.size() > pid && std::find(pids.begin(), pids.end(), fields[pid]) != pids.end())
      text += cat(rows[i], "\n");
  }
  print(text);
  return 0;
}

int update(const Room& room, Args args) {
  UpdateOptions options;
  const auto names =
      grammar::parse("update", table(update_table), options, args, grammar::Positionals::mixed);
  bundle::apply_cpus(options.cpus, options.resources.cpu);
  bundle::check_cpus_on_host(options.cpus);
  bundle::check_on_host(options.resources.cpu);
  json::Writer w(json::Writer::Style::compact);
  write(w, options.resources);
  const std::string resources = w.text();
  return for_each_name("update", names, [&](const std::string& text) {
    Facts facts = find(room, text);
    const FileLock lock = room.registry.lock(facts.id);
    facts = room.registry.load(facts.id);
    const std::string dir = room.registry.directory(facts.id);
    spec::Config config = spec::load_config(dir);
    if (!config.linux_.resources) config.linux_.resources.emplace();
    merge(*config.linux_.resources, options.resources);
    // What is stored and what is new have to fit: else the next start fails.
    const auto& memory = config.linux_.resources->memory;
    if (options.resources.memory.limit || options.resources.memory.swap)
      bundle::check_memory(memory.limit, memory.swap);
    if (look(room.registry, facts).pid != 0 && resources != "{}") {
      call_runtime(room, {"update", "--resources", "-", facts.id}, resources);
    }
    replace_file(-100 /* AT_FDCWD */, cat(dir, "/config.json"), spec::write_config(config), 0644);
    if (!options.restart.empty()) facts.restart = options.restart;
    if (options.resources.memory.limit) {
      facts.memory_limit.reset();
      if (*options.resources.memory.limit > 0)
        facts.memory_limit = static_cast<std::uint64_t>(*options.resources.memory.limit);
    }
    room.registry.save(facts);
    note_event(room.registry.root(), "update", facts);
    print(cat(text, "\n"));
  });
}

}  // namespace rocker::verbs
