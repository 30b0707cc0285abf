// The log that conmon writes: one line a chunk, "TIME STREAM P|F TEXT", where P is a piece whose line goes
// on.
#pragma once

#include <cstdint>
#include <string>

namespace rocker::containers {

struct LogOptions {
  bool follow = false;
  bool timestamps = false;
  std::int64_t since_ns = 0, until_ns = 0;  // 0: no bound
  long tail = -1;                           // lines; -1: all
};

// Writes the log to stdout and stderr, each line to where it came from. `running` tells whether more may
// come.
void show_log(const std::string& path, const LogOptions& options, bool (*running)(void* context),
              void* context);

}  // namespace rocker::containers
