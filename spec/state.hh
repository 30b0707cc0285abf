// The OCI state of a container (runtime.md, "State"), as `state` prints it and hooks get it.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

namespace rocker::spec {

struct State {
  std::string id;
  std::string status;  // creating, created, running, stopped; paused is the runtimes' own
  pid_t pid = 0;       // 0: none
  std::string bundle;  // absolute
  std::map<std::string, std::string> annotations;
  // Of its first process, as a shell has it, where it is known: for poststop hooks. Ours, as runtime.md
  // allows.
  std::optional<int> exit_status = {};
};

// Compact JSON.
std::string write_state(const State& state);

}  // namespace rocker::spec
