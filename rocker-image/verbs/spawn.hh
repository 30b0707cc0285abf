// Other programs, as a command that is run and waited for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rocker::verbs {

struct Outcome {
  int status = 0;  // as a shell has it: 128+n for a signal
  std::string out, err;
};

// Runs a program with the input and gives back what it wrote. Throws when it can't be started.
Outcome run_program(const std::vector<std::string>& line, std::string_view input = {});

// Runs a program on our own stdin, stdout and stderr; a descriptor that is >= 0 takes the place of one of
// them.
int run_attached(const std::vector<std::string>& line, int in = -1, int out = -1);

}  // namespace rocker::verbs
