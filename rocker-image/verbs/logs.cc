// logs and events: what containers have written, and what has happened to them.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/k8s_log.hh"
#include "rocker-image/labels.hh"
#include "rocker-image/template/template.hh"
#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/image.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

constexpr grammar::Option<LogOptions> logs_table[] = {
    {{"follow", 'f', "", "wait for more until the container ends"},
     [](LogOptions& o, std::string_view v) { o.follow = on(v); }},
    {{"since", 0, "TIME", "from then on: 10m (ago), or a time"},
     [](LogOptions& o, std::string_view v) { o.since_ns = parse_moment(v, "--since"); }},
    {{"tail", 'n', "N", "the last N lines, or all"},
     [](LogOptions& o, std::string_view v) {
       o.tail = v == "all" ? -1 : static_cast<long>(bundle::parse_integer(v, "--tail", -1, INT32_MAX));
     }},
    {{"timestamps", 't', "", "when each line was written"},
     [](LogOptions& o, std::string_view v) { o.timestamps = on(v); }},
    {{"until", 0, "TIME", "up to then"},
     [](LogOptions& o, std::string_view v) { o.until_ns = parse_moment(v, "--until"); }},
    {{"details", 0, "", "what the log driver knows more; nothing"}, [](LogOptions&, std::string_view) {}},
};

// Before the first event is waited for.
std::pair<std::string, std::string> parse_event_filter(std::string_view text) {
  constexpr std::string_view keys[] = {"container", "event", "image", "label", "type", "volume"};
  auto pair = bundle::parse_pair(text, "events: --filter");
  if (std::find(std::begin(keys), std::end(keys), pair.first) == std::end(keys)) {
    throw Error(cat("events: --filter: there is no filter \"", printable(pair.first), "\""))
        .hint("there is container, event, image, label, type, volume");
  }
  return pair;
}

struct EventOptions {
  std::int64_t since_ns = 0, until_ns = 0;
  std::vector<std::pair<std::string, std::string>> filters;
  std::string format;
  std::optional<Template> made;  // of the format, unless that is json
};

constexpr grammar::Option<EventOptions> events_table[] = {
    {{"filter", 'f', "KEY=VALUE", "only those: container, event, image, label, type, volume"},
     [](EventOptions& o, std::string_view v) { o.filters.push_back(parse_event_filter(v)); }},
    {{"format", 0, "FORMAT", "json, or a template like {{.Action}}"},
     [](EventOptions& o, std::string_view v) { o.format = v; }},
    {{"since", 0, "TIME", "those from then on, too"},
     [](EventOptions& o, std::string_view v) { o.since_ns = parse_moment(v, "--since"); }},
    {{"until", 0, "TIME", "stop then"},
     [](EventOptions& o, std::string_view v) { o.until_ns = parse_moment(v, "--until"); }},
};

// Whether an event is what one filter asks for.
bool is_of(const json::Value& event, const std::string& key, const std::string& value) {
  const auto attribute = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = event.at("Actor").at("Attributes").find(name);
    if (!found) return std::nullopt;
    return found->as_string();
  };
  const std::string type = event.at("Type").as_string(), id = event.at("id").as_string();
  if (key == "event") {
    // "exec_start" is asked for, "exec_start: COMMAND" is written down.
    const std::string action = event.at("Action").as_string();
    return action == value || action.starts_with(cat(value, ":"));
  }
  if (key == "type") return type == value;
  if (key == "container") return type == key && (id.starts_with(value) || attribute("name") == value);
  if (key == "volume") return type == key && id == value;
  if (key == "image") {
    const std::string image = type == key ? attribute("name").value_or("") : event.at("from").as_string();
    return image == value || image == cat(value, ":latest") || (type == key && id.starts_with(value));
  }
  if (key == "label") {
    // An event has its labels among its attributes.
    spec::StringMap attributes;
    event.at("Actor").at("Attributes").each_member([&](const std::string& name, const json::Value& text) {
      attributes[name] = text.as_string();
    });
    return has_label(attributes, value);
  }
  return false;
}

// docker's: the values of one key are alternatives, but for labels, and the keys must all hold.
bool wanted(const json::Value& event, const EventOptions& options) {
  std::map<std::string, bool> good;
  for (const auto& [key, value] : options.filters) {
    const bool is = is_of(event, key, value);
    const auto [at, first] = good.try_emplace(key, is);
    if (!first) at->second = key == "label" ? at->second && is : at->second || is;
  }
  return std::all_of(good.begin(), good.end(), [](const auto& entry) { return entry.second; });
}

// docker's line: TIME container ACTION ID (image=..., name=...)
std::string event_line(const json::Value& event) {
  std::string attributes;
  event.at("Actor").at("Attributes").each_member([&](const std::string& name, const json::Value& value) {
    attributes += cat(attributes.empty() ? "" : ", ", name, "=", value.as_string());
  });
  return cat(spec::utc_time(event.at("timeNano").as_int()), " ", event.at("Type").as_string(), " ",
             event.at("Action").as_string(), " ", event.at("id").as_string(), " (", attributes, ")\n");
}

// Prints the events of a text; false when one is beyond --until.
bool print_events(std::string_view text, const EventOptions& options) {
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    try {
      const auto document = json::Document::parse(std::string(line), "events");
      const auto event = document.root();
      const auto when = event.at("timeNano").as_int();
      if (options.until_ns != 0 && when > options.until_ns) return false;
      if (when < options.since_ns || !wanted(event, options)) continue;
      if (options.format == "json") {
        print(cat(line, "\n"));
      } else {
        print(options.made ? cat(options.made->render(event), "\n") : event_line(event));
      }
    } catch (const Error& error) {
      if (std::string_view(error.what()).starts_with("events: line")) continue;  // cut by a full disk
      throw;
    }
  }
  return true;
}

}  // namespace

std::vector<const grammar::Row*> logs_rows() {
  return grammar::rows_of(table(logs_table));
}
std::vector<const grammar::Row*> events_rows() {
  return grammar::rows_of(table(events_table));
}

int logs(const Room& room, Args args) {
  LogOptions options;
  const auto names = grammar::parse("logs", table(logs_table), options, args, grammar::Positionals::mixed);
  if (names.size() != 1) throw Error("logs: expected one container").hint("rocker logs [OPTIONS] NAME");
  const Facts facts = find(room, names[0]);
  if (facts.direct) {
    throw Error(cat("container ", facts.name, " has no log: it was run with --rm in the foreground"))
        .hint("run it with -d");
  }
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
        const auto& registry = c.room.registry;
        // A restart policy may be about to bring it back: that is in its newest facts.
        return open_process(registry, c.facts) || open_monitor(registry, c.facts) ||
               is_up(look_anew(registry, c.facts.id));
      },
      &context);
  return 0;
}

int events(const Room& room, Args args) {
  EventOptions options;
  const auto rest = grammar::parse("events", table(events_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("events", rest);
  constexpr std::size_t most = 64 << 20;
  const std::string path = events_file(room.registry.root());
  if (!options.format.empty() && options.format != "json") options.made.emplace(options.format);
  if (options.since_ns == 0) options.since_ns = now_ns();
  print_events(read_file_if_exists(AT_FDCWD, cat(path, ".1"), most).value_or(""), options);
  // What is appended meanwhile is read on: the file is small, and looking at it costs next to nothing.
  UniqueFd file;
  std::string pending;
  for (;;) {
    if (!file) file = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char buffer[16 << 10];
    const ssize_t got = file ? ::read(file.get(), buffer, sizeof buffer) : 0;
    if (got > 0) {
      pending.append(buffer, static_cast<std::size_t>(got));
      const auto end = pending.rfind('\n');
      if (end == std::string::npos) continue;
      if (!print_events(std::string_view(pending).substr(0, end), options)) return 0;
      pending.erase(0, end + 1);
      continue;
    }
    if (options.until_ns != 0 && now_ns() >= options.until_ns) return 0;
    constexpr int milliseconds = 100;
    ::poll(nullptr, 0, milliseconds);
    struct stat opened {
    }, named{};
    if (file && ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
        opened.st_ino != named.st_ino)
      file.reset();
  }
}

}  // namespace rocker::verbs
