// What a program says beside its output. Errors and warnings go to stderr as one line each, "PROGRAM: ...";
// with a log file (runc's --log) they go there as well, as text or as one JSON object a line.
#pragma once

#include <string>
#include <string_view>

namespace rocker::log {

enum class Level { error, warn, info, debug, trace };
enum class Format { text, json };

// The name that lines on stderr begin with. Call it first.
void set_program(std::string name);
std::string_view program();

// What is printed from now on; the default is warn.
void set_level(Level level);
bool enabled(Level level);

// "error", "warn" ("warning"), "info", "debug", "trace"; throws Error for any other.
Level parse_level(std::string_view name);

// Opens path (appending, made with 0644) as the log file; throws Error.
void open_file(const std::string& path, Format format);

// The log file's descriptor, or -1: a clone that is about to close everything keeps it until the end.
int file_descriptor();

void write(Level level, std::string_view message);

inline void error(std::string_view message) {
  write(Level::error, message);
}
inline void warn(std::string_view message) {
  write(Level::warn, message);
}
inline void info(std::string_view message) {
  write(Level::info, message);
}
inline void debug(std::string_view message) {
  write(Level::debug, message);
}
inline void trace(std::string_view message) {
  write(Level::trace, message);
}

}  // namespace rocker::log
