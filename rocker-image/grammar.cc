#include "rocker-image/grammar.hh"

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::grammar {

namespace {

bool has_name(const Row& row, std::string_view name) {
  if (row.name == name) return true;
  if (row.aliases.empty()) return false;
  const auto aliases = split(row.aliases, ' ');
  return std::find(aliases.begin(), aliases.end(), name) != aliases.end();
}

// How many letters have to be changed, added, taken away or swapped with their neighbour to make b of a.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

class Scanner {
 public:
  Scanner(std::string_view verb, std::span<const Row* const> rows, std::span<const std::string> args,
          const std::function<void(std::size_t, std::string_view)>& apply)
      : verb_(verb), rows_(rows), args_(args), apply_(apply) {}

  std::vector<std::string> run(Positionals mode) {
    std::vector<std::string> positionals;
    while (next_ < args_.size()) {
      const std::string_view arg = args_[next_++];
      if (arg == "--") {
        positionals.insert(positionals.end(), args_.begin() + static_cast<std::ptrdiff_t>(next_),
                           args_.end());
        break;
      }
      if (arg.starts_with("--")) {
        long_option(arg.substr(2));
      } else if (arg.starts_with('-') && arg.size() > 1) {
        letters(arg.substr(1));
      } else {
        positionals.emplace_back(arg);
        if (mode == Positionals::mixed) continue;
        positionals.insert(positionals.end(), args_.begin() + static_cast<std::ptrdiff_t>(next_),
                           args_.end());
        break;
      }
    }
    return positionals;
  }

 private:
  Error error(std::string_view problem) const {
    return Error(cat(verb_, ": ", problem)).hint(cat("see 'rocker ", verb_, " --help'"));
  }

  void set(std::size_t index, std::string_view value) const {
    const Row& row = *rows_[index];
    if (row.refused) throw Error(cat(verb_, ": rocker has no --", row.name)).hint(std::string(row.help));
    apply_(index, value);
  }

  std::string_view value_of(const std::string& option) {
    if (next_ == args_.size()) throw error(cat(option, " needs a value"));
    return args_[next_++];
  }

  void long_option(std::string_view text) {
    const auto equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const std::string option = cat("--", name);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!has_name(*rows_[i], name)) continue;
      if (rows_[i]->refused) return set(i, {});
      if (equals != std::string_view::npos) {
        const std::string_view value = text.substr(equals + 1);
        return set(i, rows_[i]->value.empty() ? (parse_flag(value, option) ? "true" : "false") : value);
      }
      return set(i, rows_[i]->value.empty() ? "true" : value_of(option));
    }
    if (text == "help") throw HelpAsked{};
    std::vector<std::string_view> names;
    for (const Row* row : rows_) {
      if (!row->refused) names.push_back(row->name);
    }
    const auto meant = nearest(name, names);
    const auto problem = cat("unknown option \"--", printable(name), "\"");
    if (!meant.empty()) throw Error(cat(verb_, ": ", problem)).hint(cat("did you mean --", meant, "?"));
    throw error(problem);
  }

  // "-it", "-m256m", "-m=256m", "-m 256m", "-t=false".
  void letters(std::string_view text) {
    while (!text.empty()) {
      const char letter = text.front();
      text.remove_prefix(1);
      std::size_t i = 0;
      while (i < rows_.size() && rows_[i]->letter != letter) ++i;
      if (i == rows_.size() && letter == 'h') throw HelpAsked{};
      if (i == rows_.size()) throw error(cat("unknown option \"-", printable({&letter, 1}), "\""));
      const std::string option{'-', letter};
      if (rows_[i]->refused) return set(i, {});
      if (rows_[i]->value.empty()) {
        if (!text.starts_with('=')) {
          set(i, "true");
          continue;
        }
        return set(i, parse_flag(text.substr(1), option) ? "true" : "false");
      }
      if (text.empty()) return set(i, value_of(option));
      return set(i, text.starts_with('=') ? text.substr(1) : text);
    }
  }

  std::string_view verb_;
  std::span<const Row* const> rows_;
  std::span<const std::string> args_;
  const std::function<void(std::size_t, std::string_view)>& apply_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<std::string> scan(std::string_view verb, std::span<const Row* const> rows,
                              std::span<const std::string> args, Positionals positionals,
                              const std::function<void(std::size_t row, std::string_view value)>& apply) {
  return Scanner(verb, rows, args, apply).run(positionals);
}

std::string help_lines(std::span<const Row* const> rows) {
  constexpr std::size_t column = 32;
  std::string out;
  for (const Row* row : rows) {
    if (row->refused) continue;
    std::string line =
        row->letter != 0 ? cat("  -", row->letter, ", --", row->name) : cat("      --", row->name);
    if (!row->value.empty()) line += cat(" ", row->value);
    line.resize(std::max(line.size() + 2, column), ' ');
    out += cat(line, row->help, "\n");
  }
  return out;
}

bool parse_flag(std::string_view text, std::string_view option) {
  constexpr std::string_view yes[] = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::string_view no[] = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::find(std::begin(yes), std::end(yes), text) != std::end(yes)) return true;
  if (std::find(std::begin(no), std::end(no), text) != std::end(no)) return false;
  throw Error(cat(option, ": expected true or false, found \"", printable(text), "\""));
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  if (word.size() > 64) return best;
  // A third of the letters may be wrong, at least one and never more than three.
  std::size_t least = std::clamp<std::size_t>((word.size() + 1) / 3, 1, 3) + 1;
  for (const auto candidate : candidates) {
    const std::size_t found = distance(word, candidate);
    if (found < least) {
      least = found;
      best = candidate;
    }
  }
  return best;
}

}  // namespace rocker::grammar
