#include <sys/random.h>

#include "rocker-image/containers/containers.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

std::string random_name() {
  constexpr std::string_view how[] = {
      "agile",   "amber",  "ample",  "brave",  "bright", "brisk",  "calm",   "candid", "clear",  "clever",
      "cosy",    "crisp",  "deft",   "eager",  "fair",   "fleet",  "fond",   "frank",  "fresh",  "gentle",
      "glad",    "golden", "grand",  "happy",  "hardy",  "honest", "humble", "jolly",  "keen",   "kind",
      "lively",  "loyal",  "lucid",  "mellow", "merry",  "mild",   "modest", "neat",   "nimble", "noble",
      "patient", "placid", "polite", "proud",  "quick",  "quiet",  "rapid",  "ready",  "robust", "serene",
      "sharp",   "silent", "sleek",  "smart",  "snug",   "solid",  "spry",   "steady", "sunny",  "swift",
      "tidy",    "upbeat", "vivid",  "warm"};
  constexpr std::string_view who[] = {
      "badger",  "beaver", "bison",    "bream",  "camel",  "carp",   "crane",   "curlew", "dipper",  "dove",
      "dunlin",  "eagle",  "egret",    "elk",    "falcon", "ferret", "finch",   "gannet", "gecko",   "goose",
      "grebe",   "hare",   "hedgehog", "heron",  "hoopoe", "ibis",   "jackdaw", "jay",    "kestrel", "kite",
      "lapwing", "lark",   "linnet",   "lynx",   "magpie", "marten", "mole",    "moose",  "newt",    "osprey",
      "otter",   "owl",    "plover",   "puffin", "quail",  "raven",  "robin",   "salmon", "seal",    "shrew",
      "siskin",  "stoat",  "stork",    "swan",   "swift",  "tern",   "thrush",  "trout",  "turtle",  "vole",
      "walrus",  "weasel", "wren",     "yak"};
  unsigned char pick[2] = {};
  [[maybe_unused]] const ssize_t got = ::getrandom(pick, sizeof pick, 0);
  return cat(how[pick[0] % std::size(how)], "_", who[pick[1] % std::size(who)]);
}

}  // namespace rocker::containers
