#pragma once

#include <string>
#include <vector>

namespace rocker {

// Rows as columns that are aligned, two blanks apart; the first row is the heading. A row's last column is
// not padded.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace rocker
