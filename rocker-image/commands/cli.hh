// What the commands print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/support/command_line.hh"

namespace rocker {

// Text to standard output, all of it; throws Error.
void print(std::string_view text);

// Rows as columns that are aligned, two blanks apart; the first row is the heading. A row's last column is
// not padded.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace rocker
