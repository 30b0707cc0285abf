#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "rocker-runc/cgroup/oom.hh"
#include "rocker-runc/cgroup/stats.hh"
#include "rocker-runc/commands/commands.hh"
#include "spec/json.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

struct Unit {
  std::string_view name;
  double milliseconds;
};

// "5s", "500ms", "1m30s": Go's durations, which is what runc takes. In milliseconds.
long long parse_interval(std::string_view text) {
  static constexpr Unit units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1},
                                   {"s", 1e3},   {"m", 6e4},   {"h", 3.6e6}};
  double total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string number(rest.substr(0, rest.find_first_not_of("0123456789.")));
    rest.remove_prefix(number.size());
    const auto name = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(name.size());
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    const auto unit =
        std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == name; });
    if (number.empty() || *end != '\0' || unit == std::end(units)) {
      total = 0;
      break;
    }
    total += value * unit->milliseconds;
  }
  if (total < 1 || total > 1e12) {
    throw Error(cat("events: --interval: expected a time like 5s or 500ms, found \"", printable(text), "\""));
  }
  return static_cast<long long>(total);
}

long long now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// One JSON object a line, as runc prints them.
void print_event(std::string_view type, const std::string& id,
                 const std::function<void(json::Writer&)>& data) {
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("type", type);
    w.member("id", id);
    if (data) w.key("data"), data(w);
  });
  write_all(STDOUT_FILENO, cat(w.text(), "\n"), "standard output");
}

void print_stats(const Container& container) {
  const cgroup::Stats stats = container.cgroups().stats();
  print_event("stats", container.id(), [&](json::Writer& w) { cgroup::write(w, stats); });
}

// Until the container is no more: its statistics at every interval, and what happens meanwhile at once.
void follow(const Container& container, long long interval, const std::string& level) {
  const UniqueFd init = container.init_pidfd();
  cgroup::OomWatch oom(container.record().cgroup);
  std::optional<cgroup::PressureWatch> pressure;
  if (!level.empty()) pressure.emplace(container.record().cgroup, level);
  const short pressure_events = pressure ? pressure->events() : short{0};
  for (long long next = now_ms() + interval;;) {
    pollfd fds[] = {
        {oom.fd(), POLLIN, 0}, {init.get(), POLLIN, 0}, {pressure ? pressure->fd() : -1, pressure_events, 0}};
    const long long left = std::clamp(next - now_ms(), 0LL, 1000000LL);
    if (::poll(fds, std::size(fds), static_cast<int>(left)) < 0 && errno != EINTR) throw system_error("poll");
    // The OOM killer first: the death of init is often its doing.
    const auto events = oom.take();
    if (events.oom > 0) print_event("oom", container.id(), nullptr);
    if (pressure && (fds[2].revents & pressure_events) != 0) {
      pressure->take();
      print_event("memory_pressure", container.id(),
                  [&](json::Writer& w) { w.object([&] { w.member("level", level); }); });
    }
    if (events.gone || !init || fds[1].revents != 0) return;
    if (now_ms() >= next) {
      print_stats(container);
      next = now_ms() + interval;
    }
  }
}

}  // namespace

int events(const Globals& globals, const std::vector<std::string>& args) {
  std::string id, interval = "5s", level;
  bool stats = false;
  CommandLine app("events", "ID",
                  "Prints what happens to a container, one JSON object a line: statistics and OOMs.");
  app.add_option("--interval", interval, "time between two statistics (5s)");
  app.add_flag("--stats", stats, "print the statistics once, and end");
  app.add_option("--memory-pressure", level, "tell of memory pressure as well: low, medium or critical");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  const long long milliseconds = parse_interval(interval);
  const Container container = Container::load(globals.root, id);
  if (container.status() == Status::stopped) throw Error(cat("container with id ", id, " is not running"));
  if (stats) {
    print_stats(container);
  } else {
    follow(container, milliseconds, level);
  }
  return 0;
}

}  // namespace rocker::commands
