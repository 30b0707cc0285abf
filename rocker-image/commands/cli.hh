// What the commands print.
#pragma once

#include <string>
#include <string_view>

#include "rocker-image/table.hh"
#include "spec/support/command_line.hh"

namespace rocker {

// Text to standard output, all of it; throws Error.
void print(std::string_view text);

// The same for the report of what was done: "Tagged a:b". When it can't be written, the error says that it
// was done.
void print_done(std::string_view done, std::string_view text);

}  // namespace rocker
