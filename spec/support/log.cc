#include "spec/support/log.hh"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <optional>

#include "spec/json.hh"
#include "spec/support/clock.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::log {

namespace {

struct State {
  std::string program = "rocker";
  Level level = Level::warn;
  UniqueFd file;
  Format format = Format::text;
};

State& state() {
  static State state;
  return state;
}

constexpr std::string_view names[] = {"error", "warning", "info", "debug", "trace"};

// One write a line, so that lines of two processes do not mix. A log that can't be written must not stop
// what it tells about.
void put(int fd, std::string_view line) {
  while (::write(fd, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

std::string line_for_file(Level level, std::string_view message, Format format) {
  const auto name = names[static_cast<int>(level)];
  if (format == Format::json) {
    return cat("{\"level\":\"", name, "\",\"msg\":", json::quote(message), ",\"time\":\"", utc_now(),
               "\"}\n");
  }
  return cat("time=\"", utc_now(), "\" level=", name, " msg=", json::quote(message), "\n");
}

}  // namespace

void set_program(std::string name) {
  state().program = std::move(name);
}
std::string_view program() {
  return state().program;
}
void set_level(Level level) {
  state().level = level;
}
bool enabled(Level level) {
  return level <= state().level;
}

Level parse_level(std::string_view name) {
  if (name == "warn") return Level::warn;
  for (int i = 0; i < 5; ++i) {
    if (name == names[i]) return static_cast<Level>(i);
  }
  throw Error(cat("--log-level: \"", printable(name), "\" is not a level"))
      .hint("one of error, warn, info, debug, trace");
}

void open_file(const std::string& path, Format format) {
  state().file = open_path(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  state().format = format;
}

int file_descriptor() {
  return state().file.get();
}

void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  // An error's text can hold what somebody else wrote; it stays one line.
  const std::string line = printable(message, 16384);
  const std::string_view kind = level == Level::error ? "" : level == Level::warn ? "warning: " : "";
  put(STDERR_FILENO, cat(state().program, ": ", kind, line, "\n"));
  if (state().file) put(state().file.get(), line_for_file(level, line, state().format));
}

}  // namespace rocker::log
