// `rocker-image container VERB ...`: what the rocker program asks about containers. The answers are in
// verbs/.
#include <algorithm>

#include "rocker-image/commands/commands.hh"
#include "rocker-image/verbs/verb.hh"
#include "spec/support/error.hh"

namespace rocker::commands {

namespace {

const verbs::Verb& find_verb(std::string_view name) {
  const auto all = verbs::all_verbs();
  const auto verb = std::find_if(all.begin(), all.end(), [&](const auto& v) { return v.name == name; });
  if (verb == all.end()) throw verbs::unknown_verb(name);
  return *verb;
}

int run_command(const verbs::Verb& verb, const Globals& globals, verbs::Args args) {
  const auto all = all_commands();
  const auto command =
      std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.name == verb.command; });
  CommandLine::call_it(std::string(verb.name));
  return command->run(
      globals, verb.words != nullptr ? verb.words(args) : std::vector<std::string>(args.begin(), args.end()));
}

int run_verb(const verbs::Verb& verb, const Globals& globals, verbs::Args args) try {
  if (!verb.command.empty()) return run_command(verb, globals, args);
  const bool has_options = verb.rows != nullptr || verb.name == "top" || verb.summary.empty();
  if (has_options) {
    // top's options are those of ps, behind a container.
    if (verb.name == "top" && !args.empty() && (args[0] == "--help" || args[0] == "-h"))
      throw grammar::HelpAsked{};
    return verb.run(verbs::Room(globals.root), args);
  }
  const auto names = grammar::scan(verb.name, {}, args, grammar::Positionals::mixed, nullptr);
  return verb.run(verbs::Room(globals.root), names);
} catch (const grammar::HelpAsked&) {
  print(help_of(verb));
  return verb.evaluated ? 2 : 0;
}

}  // namespace

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
  if (args[0] == "group" && args.size() == 2) {
    print(verbs::help_of_group(args[1]));
    return 0;
  }
  return run_verb(find_verb(args[0]), globals, verbs::Args(args).subspan(1));
}

}  // namespace rocker::commands
