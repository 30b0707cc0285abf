// docker's load: takes an archive on stdin or as -i FILE, and the images' names from the archive.
#include <unistd.h>

#include "rocker-image/verbs/verbs.hh"

namespace rocker::verbs {

namespace {

struct LoadOptions {
  std::string input = "-";
  bool quiet = false;
};

constexpr grammar::Option<LoadOptions> load_table[] = {
    {{"input", 'i', "FILE", "the archive, not from stdin"},
     [](LoadOptions& o, std::string_view v) { o.input = v; }},
    {{"quiet", 'q', "", "no progress"}, [](LoadOptions& o, std::string_view v) { o.quiet = on(v); }},
};

}  // namespace

Rows load_rows() {
  return grammar::rows_of(table(load_table));
}

std::vector<std::string> load_words(Args args) {
  LoadOptions options;
  const auto rest = grammar::parse("load", table(load_table), options, args, grammar::Positionals::mixed);
  if (!rest.empty()) {
    throw Error(cat("load: \"", printable(rest[0]), "\" is one argument too many"))
        .hint(cat("rocker load -i ", printable(rest[0])));
  }
  if (options.input == "-" && ::isatty(STDIN_FILENO) == 1)
    throw Error("load: standard input is a terminal").hint("rocker load -i FILE");
  std::vector<std::string> words{"--all", "--loaded"};
  if (options.quiet) words.emplace_back("--progress=none");
  words.insert(words.end(), {"--", options.input});
  return words;
}

}  // namespace rocker::verbs
