#include <signal.h>
#include <string.h>

#include "rocker-runc/commands/commands.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3".
int parse_signal(const std::string& text) {
  long long value = 0;
  if (parse_number(text, value)) {
    if (value >= 0 && value <= 64) return static_cast<int>(value);
  } else {
    std::string name = text;
    for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (int signal = 1; signal < 32; ++signal) {
      const char* known = ::sigabbrev_np(signal);
      if (known != nullptr && name == known) return signal;
    }
    if (name == "IOT") return SIGABRT;
    if (name == "CLD") return SIGCHLD;
    const auto realtime = [&](std::string_view base, int from, int sign) -> int {
      if (!std::string_view(name).starts_with(base)) return 0;
      std::string_view rest = std::string_view(name).substr(base.size());
      if (rest.empty()) return from;
      if (rest[0] != (sign > 0 ? '+' : '-') || !parse_number(rest.substr(1), value)) return 0;
      return from + sign * static_cast<int>(value);
    };
    int signal = realtime("RTMIN", SIGRTMIN, 1);
    if (signal == 0) signal = realtime("RTMAX", SIGRTMAX, -1);
    if (signal >= SIGRTMIN && signal <= SIGRTMAX) return signal;
  }
  throw Error(cat("kill: unknown signal \"", printable(text), "\""))
      .hint("give a name (TERM, SIGTERM) or a number (15)");
}

}  // namespace

int kill(const Globals& globals, const std::vector<std::string>& args) {
  std::string id, signal_name = "TERM";
  bool all = false;
  CommandLine app("kill", "ID [SIGNAL]",
                  "Sends a signal to the init of a container; SIGTERM when none is given.");
  app.add_flag("-a,--all", all, "to every process in the container's cgroup");
  app.add_option("ID", id, "the container")->required();
  app.add_option("SIGNAL", signal_name, "name or number");
  if (!app.read(args)) return 0;
  const int signal = parse_signal(signal_name);
  const Container container = Container::load(globals.root, id);
  if (all) {
    container.need_cgroups("kill all of").kill_all(signal);
    return 0;
  }
  const UniqueFd pidfd = container.init_pidfd();
  // The words are those that engines look for.
  if (!pidfd) throw Error(cat("cannot kill container \"", id, "\": container not running"));
  if (!sys::send_signal(pidfd.get(), signal)) {
    if (errno == ESRCH) throw Error(cat("cannot kill container \"", id, "\": container not running"));
    throw system_error(cat("kill container \"", id, "\""));
  }
  // A frozen process gets no signal until it is thawed; one that is to die must not have to wait for that.
  if (signal == SIGKILL && container.cgroups().frozen()) container.cgroups().thaw();
  return 0;
}

}  // namespace rocker::commands
