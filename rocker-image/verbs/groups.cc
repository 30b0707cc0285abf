// docker's groups of verbs, container, image, volume and system: what they hold, and what was meant by a verb
// that is none.
#include <algorithm>

#include "rocker-image/verbs/verb.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

namespace {

struct Spelling {
  std::string_view name, verb;
};

// Beside `container X`, which every verb of containers has.
constexpr Spelling spellings[] = {
    {"container ls", "ps"},     {"container run", "run"},     {"container create", "create"},
    {"container cp", "cp"},     {"image ls", "images"},       {"image rm", "rmi"},
    {"image import", "import"}, {"image load", "load"},       {"image save", "save"},
    {"image tag", "tag"},       {"image history", "history"}, {"system events", "events"},
    {"info", "system info"},
};

constexpr std::string_view groups[] = {"container", "image", "volume", "system"};

const Verb* find_verb(std::string_view name) {
  const auto all = all_verbs();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Verb& verb) { return verb.name == name; });
  return at == all.end() ? nullptr : &*at;
}

// The verbs that the user can type, in both spellings.
std::vector<Alias> all_names() {
  std::vector<Alias> names;
  for (const auto& verb : all_verbs()) {
    if (!verb.summary.empty()) names.push_back({std::string(verb.name), std::string(verb.name)});
  }
  for (auto& alias : all_aliases()) names.push_back(std::move(alias));
  return names;
}

}  // namespace

std::vector<Alias> all_aliases() {
  std::vector<Alias> aliases;
  for (const auto& verb : all_verbs()) {
    if (verb.takes == Takes::containers && verb.name.find(' ') == std::string_view::npos)
      aliases.push_back({cat("container ", verb.name), std::string(verb.name)});
  }
  for (const auto& [name, verb] : spellings) aliases.push_back({std::string(name), std::string(verb)});
  return aliases;
}

std::string help_of_group(std::string_view group) {
  std::vector<std::string> lines;
  for (const auto& [name, verb] : all_names()) {
    if (!name.starts_with(cat(group, " "))) continue;
    std::string line = cat("  ", name.substr(group.size() + 1));
    line.resize(std::max<std::size_t>(line.size() + 2, 12), ' ');
    lines.push_back(cat(line, find_verb(verb)->summary.substr(0, find_verb(verb)->summary.find('.')), "\n"));
  }
  std::sort(lines.begin(), lines.end());
  return cat("Usage: rocker ", group, " VERB [OPTIONS] [ARGUMENTS]\n\nVerbs:\n", join(lines, ""),
             "\n'rocker ", group, " VERB --help' shows a verb's options.\n");
}

Error unknown_verb(std::string_view name) {
  // Within the group, where one was named: `volume lst` means none of `image ls`.
  const auto blank = name.find(' ');
  const std::string group(name.substr(0, blank == std::string_view::npos ? 0 : blank + 1));
  const auto names = all_names();
  std::vector<std::string_view> words;
  if (group.empty()) words.assign(std::begin(groups), std::end(groups));
  for (const auto& [candidate, verb] : names) {
    if (!candidate.starts_with(group)) continue;
    const auto word = std::string_view(candidate).substr(group.size());
    if (word.find(' ') == std::string_view::npos) words.push_back(word);
  }
  const auto meant = grammar::nearest(name.substr(group.size()), words);
  const bool grouped = !group.empty();
  return Error(cat("\"", printable(name), "\" is not a verb"))
      .hint(!meant.empty() ? cat("did you mean \"", group, meant, "\"?")
                           : cat("see 'rocker ", grouped ? group : "", "--help'"));
}

}  // namespace rocker::verbs
