// logs and events: what containers have written, and what has happened to them.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/k8s_log.hh"
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

struct EventOptions {
  std::int64_t since_ns = 0, until_ns = 0;
  std::vector<std::string> filters;
  std::string format;
  std::optional<Template> made;  // of the format, unless that is json
};

constexpr grammar::Option<EventOptions> events_table[] = {
    {{"filter", 'f', "KEY=VALUE", "only those: container, event, image, label, type"},
     [](EventOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"format", 0, "FORMAT", "json, or a template like {{.Action}}"},
     [](EventOptions& o, std::string_view v) { o.format = v; }},
    {{"since", 0, "TIME", "those from then on, too"},
     [](EventOptions& o, std::string_view v) { o.since_ns = parse_moment(v, "--since"); }},
    {{"until", 0, "TIME", "stop then"},
     [](EventOptions& o, std::string_view v) { o.until_ns = parse_moment(v, "--until"); }},
};

bool wanted(const json::Value& event, const EventOptions& options) {
  for (const auto& text : options.filters) {
    const auto [key, value] = bundle::parse_pair(text, "events: --filter");
    const auto attribute = [&](std::string_view name) {
      return event.at("Actor").at("Attributes").find(name);
    };
    if (key == "event") {
      if (event.at("Action").as_string() != value) return false;
    } else if (key == "type") {
      if (event.at("Type").as_string() != value) return false;
    } else if (key == "container") {
      if (!event.at("id").as_string().starts_with(value) && attribute("name")->as_string() != value)
        return false;
    } else if (key == "image") {
      const auto image = event.at("from").as_string();
      if (image != value && image != cat(value, ":latest")) return false;
    } else if (key == "label") {
      const auto [label, content] = bundle::parse_pair(value, "events: --filter label");
      const auto found = attribute(label);
      if (!found || (value.find('=') != std::string::npos && found->as_string() != content)) return false;
    } else {
      throw Error(cat("events: --filter: there is no filter \"", printable(key), "\""))
          .hint("there is container, event, image, label, type");
    }
  }
  return true;
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
        return open_process(c.room.registry, c.facts) || open_monitor(c.room.registry, c.facts);
      },
      &context);
  return 0;
}

int events(const Room& room, Args args) {
  EventOptions options;
  const auto rest = grammar::parse("events", table(events_table), options, args, grammar::Positionals::mixed);
  if (!rest.empty()) throw Error(cat("events: \"", printable(rest[0]), "\" is one argument too many"));
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
