// What the rocker program asks about containers: `rocker-image container VERB ...`, a file a group of verbs.
// A verb has one table of its options, which parses its line, makes its --help, and the shells' completions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/containers/lifecycle.hh"
#include "rocker-image/grammar.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

using Args = std::span<const std::string>;
using containers::Facts;
using containers::Room;

// What an argument of a verb is, for the completions.
enum class Takes { nothing, containers, images, volumes, files };

struct Verb {
  std::string_view name;     // as the user types it; a blank in it for `volume ls`
  std::string_view usage;    // "[OPTIONS] CONTAINER..."
  std::string_view summary;  // empty: not a verb of the user's
  Takes takes = Takes::nothing;
  std::vector<const grammar::Row*> (*rows)() = nullptr;
  int (*run)(const Room& room, Args args) = nullptr;
  bool evaluated = false;  // its output is for the shell's eval: --help has to look different (status 2)
  // Instead of rows and run: the command of rocker-image's that does it, and knows its options. `words` makes
  // that command's line of the verb's, where they differ.
  std::string_view command = {};
  std::vector<std::string> (*words)(Args args) = nullptr;
};

std::span<const Verb> all_verbs();

// docker's other spelling of a verb: `image rm` is `rmi`, `container start` is `start`.
struct Alias {
  std::string name, verb;
};
std::vector<Alias> all_aliases();

// `rocker volume --help`: the verbs of a group.
std::string help_of_group(std::string_view group);

// What is wrong with a verb that is none, or a group without one; with what was meant.
Error unknown_verb(std::string_view name);

// The text of `rocker VERB --help`.
std::string help_of(const Verb& verb);

// The rows of an array of options.
template <typename Target, std::size_t size>
grammar::Table<Target> table(const grammar::Option<Target> (&rows)[size]) {
  return {rows, size};
}

// Throws Error for the first argument behind the `most` that the verb takes: what is ignored in silence was
// meant to do something.
void refuse_surplus(std::string_view verb, Args given, std::size_t most = 0);

// Runs fn(text) for every name, says what went wrong for each, and goes on; the status is then 1.
template <typename Fn>
int for_each_name(std::string_view verb, const std::vector<std::string>& names, Fn fn) {
  if (names.empty()) {
    throw Error(cat(verb, ": which container?")).hint("'rocker ps -a' lists all containers");
  }
  int status = 0;
  for (const auto& text : names) {
    try {
      fn(text);
    } catch (const Error& error) {
      log::error(error.what());
      status = 1;
    }
  }
  return status;
}

// The facts of a name, an ID or a prefix.
inline Facts find(const Room& room, std::string_view text) {
  return room.registry.load(room.registry.resolve(text));
}

// What a verb says that needs a container to run, and found this.
Error not_running(const Facts& facts, const containers::Live& live);

// The program of the runtime, from ROCKER_RUNTIME, which the rocker program sets.
std::string runtime();

// Runs the runtime on a container and waits: `rocker-runc --root RUN words...`. Its output goes to ours, or
// is given back. Throws with what it said on stderr.
std::string call_runtime(const Room& room, const std::vector<std::string>& words,
                         std::string_view input = {});

constexpr bool on(std::string_view value) {
  return value == "true";
}

}  // namespace rocker::verbs
