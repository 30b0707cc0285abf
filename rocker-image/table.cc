#include "rocker-image/table.hh"

#include <algorithm>

#include "spec/support/str.hh"

namespace rocker {

std::string table_text(std::vector<std::vector<std::string>> rows) {
  // What others have written must not reach the terminal as commands to it.
  for (auto& row : rows) {
    for (auto& cell : row) {
      const bool plain = std::all_of(cell.begin(), cell.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
      if (!plain) cell = printable(cell, cell.size());
    }
  }
  // Columns on a terminal: a byte that continues a UTF-8 sequence takes up none.
  const auto width = [](const std::string& cell) {
    return static_cast<std::size_t>(std::count_if(
        cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace rocker
