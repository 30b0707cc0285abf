// A command line in docker's grammar (Go's pflag): `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`,
// `-n=VALUE`,
// `-it`, `--flag=false`, and `--` ends the options. A verb has ONE table of its options: it is parsed by it,
// its
// --help is printed from it, and the shells' completions are made of it.
//
// CLI11, which parses rocker-image's own commands, knows neither options that end at the first positional nor
// `-m=256m`, and asks for a definition of all of some hundred options before it looks at one.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocker::grammar {

// One row of a table, without what it does.
struct Row {
  std::string_view name;          // "memory"; empty ends nothing, there is always a long name
  char letter = 0;                // 'm', or none
  std::string_view value;         // how --help calls the value, "SIZE"; empty: a flag
  std::string_view help;          // one line; of a refused option, what to use instead
  std::string_view aliases = {};  // other long names, separated by blanks
  bool refused = false;           // docker has it and rocker does not
};

template <typename Target>
struct Option : Row {
  void (*apply)(Target& target, std::string_view value) = nullptr;
};

template <typename Target>
using Table = std::span<const Option<Target>>;

// --help, anywhere among the options, or -h where that is no option; also when the line has mistakes behind
// it.
struct HelpAsked {};

enum class Positionals {
  end_options,  // the first positional and all behind it belong to somebody else (run, exec)
  mixed,        // options may stand anywhere (ps, rm)
};

// Calls apply(row index, value) for every option in the order of the line, a flag with "true" or "false", and
// returns the positionals. Throws HelpAsked, and Error that names the option; with "did you mean" where one
// is near.
std::vector<std::string> scan(std::string_view verb, std::span<const Row* const> rows,
                              std::span<const std::string> args, Positionals positionals,
                              const std::function<void(std::size_t row, std::string_view value)>& apply);

template <typename Target>
std::vector<const Row*> rows_of(Table<Target> table) {
  std::vector<const Row*> rows;
  rows.reserve(table.size());
  for (const auto& option : table) rows.push_back(&option);
  return rows;
}

template <typename Target>
std::vector<std::string> parse(std::string_view verb, Table<Target> table, Target& target,
                               std::span<const std::string> args, Positionals positionals) {
  const auto rows = rows_of(table);
  return scan(verb, rows, args, positionals,
              [&](std::size_t row, std::string_view value) { table[row].apply(target, value); });
}

// The lines of --help: "  -m, --memory SIZE   ...", refused ones left out.
std::string help_lines(std::span<const Row* const> rows);

// "true", "false" and the other spellings that Go's ParseBool takes; throws Error for anything else.
bool parse_flag(std::string_view text, std::string_view option);

// The candidate that a mistyped word most likely meant; empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace rocker::grammar
