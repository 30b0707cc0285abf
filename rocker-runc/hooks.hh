// Hooks (config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle").
#pragma once

#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker {

// Runs the hooks in order, each with the OCI state on its stdin, its own environment and `directory` as
// working directory. The first that fails (its status, a signal, its timeout, or that it can't be run) ends
// it with an Error that has what it wrote to stderr. `kind` is the member's name: "createRuntime".
void run_hooks(const std::vector<spec::Hook>& hooks, const char* kind, const std::string& state_json,
               const std::string& directory);

// The same for poststop: a hook that fails is a warning and the next one runs ("MUST log a warning").
void run_hooks_to_the_end(const std::vector<spec::Hook>& hooks, const char* kind,
                          const std::string& state_json, const std::string& directory);

}  // namespace rocker
