// `rocker-image container VERB ...`: what the rocker program asks about containers. The answers are in
// verbs/.
#include <algorithm>

#include "rocker-image/commands/commands.hh"
#include "rocker-image/verbs/verb.hh"
#include "spec/support/error.hh"

namespace rocker::commands {

int container(const Globals& globals, const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    std::string text =
        "Usage: rocker-image [--root DIR] container VERB ...\n\nAnswers the rocker program. The verbs:\n";
    for (const auto& verb : verbs::all_verbs()) text += cat("  ", verb.name, "\n");
    print(text);
    return args.empty() ? 1 : 0;
  }
  // It speaks as the program that the user has called.
  log::set_program("rocker");
  const auto all = verbs::all_verbs();
  const auto verb = std::find_if(all.begin(), all.end(), [&](const auto& v) { return v.name == args[0]; });
  if (verb == all.end()) {
    std::vector<std::string_view> names;
    for (const auto& v : all) {
      if (!v.summary.empty()) names.push_back(v.name);
    }
    for (const std::string_view name :
         {"import", "images", "rmi", "load", "save", "tag", "history", "version", "info"})
      names.push_back(name);
    const auto meant = grammar::nearest(args[0], names);
    throw Error(cat("\"", printable(args[0]), "\" is not a verb"))
        .hint(meant.empty() ? "see 'rocker --help'" : cat("did you mean \"", meant, "\"?"));
  }
  const verbs::Args rest = verbs::Args(args).subspan(1);
  if (!rest.empty() && rest[0] == "--help" && !verb->summary.empty()) {
    print(help_of(*verb));
    return verb->evaluated ? 2 : 0;
  }
  return verb->run(verbs::Room(globals.root), rest);
}

}  // namespace rocker::commands
