#include "rocker-image/verbs/verb.hh"

#include <cstdlib>

#include "rocker-image/verbs/spawn.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

std::string help_of(const Verb& verb) {
  std::string text = cat("Usage: rocker ", verb.name, verb.usage.empty() ? "" : " ", verb.usage, "\n\n",
                         verb.summary, ".\n");
  const auto rows = verb.rows != nullptr ? verb.rows() : std::vector<const grammar::Row*>{};
  if (!rows.empty()) text += cat("\nOptions:\n", grammar::help_lines(rows));
  return text;
}

void refuse_surplus(std::string_view verb, Args given, std::size_t most) {
  if (given.size() <= most) return;
  throw Error(cat(verb, ": \"", printable(given[most]), "\" is one argument too many"))
      .hint(cat("see 'rocker ", verb, " --help'"));
}

Error not_running(const Facts& facts, const containers::Live& live) {
  if (live.status == containers::Status::restarting)
    return Error(cat("container ", facts.name, " is restarting")).hint("wait until it runs");
  return Error(cat("container ", facts.name, " is not running")).hint(cat("rocker start ", facts.name));
}

std::string runtime() {
  const char* program = std::getenv("ROCKER_RUNTIME");
  return program != nullptr && *program != '\0' ? program : "rocker-runc";
}

std::string call_runtime(const Room& room, const std::vector<std::string>& words, std::string_view input) {
  std::vector<std::string> line{runtime(), "--root", room.registry.run_directory()};
  line.insert(line.end(), words.begin(), words.end());
  const Outcome outcome = run_program(line, input);
  if (outcome.status == 0) return outcome.out;
  std::string said(trim(outcome.err));
  if (said.starts_with("rocker-runc: ")) said.erase(0, 13);
  throw Error(said.empty() ? cat(line[0], ": status ", outcome.status) : said);
}

}  // namespace rocker::verbs
