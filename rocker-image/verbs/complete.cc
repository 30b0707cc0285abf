// What the shells' completions ask: names that are there, and what the tables of options say.
#include "rocker-image/verbs/verbs.hh"

#include <dirent.h>

#include <memory>

namespace rocker::verbs {

namespace {

std::string_view name(Takes takes) {
  switch (takes) {
    case Takes::nothing: return "nothing";
    case Takes::containers: return "containers";
    case Takes::images: return "images";
    case Takes::volumes: return "volumes";
    case Takes::files: return "files";
  }
  return "nothing";
}

// A line a verb: NAME, what it takes, summary, and "command" where only its --help knows its options; a line
// an alias: NAME, the verb; and a line an option: "VERB -x --long VALUE help".
std::string tables() {
  std::string out;
  for (const auto& verb : all_verbs()) {
    if (verb.summary.empty()) continue;
    out += cat("verb\t", verb.name, "\t", name(verb.takes), "\t", verb.summary, "\t",
               verb.rows == nullptr && !verb.command.empty() ? "command" : "", "\n");
    for (const auto* row : verb.rows != nullptr ? verb.rows() : Rows{}) {
      if (row->refused) continue;
      out += cat("option\t", verb.name, "\t--", row->name, "\t",
                 row->letter != 0 ? cat("-", row->letter) : "", "\t", row->value, "\t", row->help, "\n");
    }
  }
  for (const auto& [alias, verb] : all_aliases()) out += cat("alias\t", alias, "\t", verb, "\n");
  return out;
}

}  // namespace

int complete(const Room& room, Args args) {
  const std::string what = args.empty() ? "" : args[0];
  const auto ignore = [](const Error&) {};
  std::string out;
  if (what == "tables") {
    out = tables();
  } else if (what == "containers") {
    for (const auto& facts : room.registry.list(ignore)) out += cat(facts.name, "\n");
  } else if (what == "images") {
    for (const auto& image : room.store.list(ignore)) {
      out += cat(image.reference.tag == "latest" ? image.reference.name : image.reference.text(), "\n");
    }
  } else if (what == "volumes") {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(cat(room.registry.root(), "/volumes").c_str()),
                                                  ::closedir);
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
      if (entry->d_name[0] != '.') out += cat(entry->d_name, "\n");
    }
  } else {
    throw Error("complete: expected tables, containers, images or volumes");
  }
  print(out);
  return 0;
}

}  // namespace rocker::verbs
