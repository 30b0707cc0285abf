// CLI11 as the commands use it: one App a command, errors as one line. Only the files in this folder include
// it.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace rocker {

class CommandLine : public CLI::App {
 public:
  // `usage` is what stands behind the command's name: "TAR NAME[:TAG]".
  CommandLine(const std::string& command, const std::string& usage, const std::string& description);

  // Parses; false when --help was asked for and printed. Throws Error, in one line.
  bool read(const std::vector<std::string>& args);

 private:
  std::string command_;
};

// Text to standard output, all of it; throws Error.
void print(std::string_view text);

// Rows as columns that are aligned, two blanks apart; the first row is the heading. A row's last column is
// not padded.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace rocker
