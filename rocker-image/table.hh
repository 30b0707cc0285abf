#pragma once

#include <string>
#include <vector>

namespace rocker {

// Rows as columns that are aligned, two blanks apart; the first row is the heading. A row's last column is
// not padded. Control characters in a cell are escaped.
std::string table_text(std::vector<std::vector<std::string>> rows);

}  // namespace rocker
