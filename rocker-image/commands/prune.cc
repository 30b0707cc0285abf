#include <sys/stat.h>

#include <set>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/store.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

int prune(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "prune", "",
      "Takes away what imports and removals that were killed have left, and the data of replaced images that "
      "no bundle uses any more. Every import does the same.");
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  const auto removed = store.prune();
  std::string out;
  for (const auto& name : removed) out += cat("Removed ", name, "\n");
  print(removed.empty() ? std::string("Nothing to remove\n") : out);
  return 0;
}

int df(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("df", "", "Shows how much of the disk the store takes up.");
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  std::uint64_t size = 0, used = 0, active = 0;
  std::set<std::uint64_t> trees;
  const auto images = store.list([](const Error& error) { log::warn(error.what()); });
  for (const auto& image : images) {
    size += image.record.size;
    const auto tree = tree_of(image);
    if (!tree || trees.insert(*tree).second) used += image.record.disk_usage;
    if (!store.users(image.generation()).empty()) ++active;
  }
  const auto kept = store.kept_generations();
  std::uint64_t kept_used = 0;
  for (const auto& record : kept) kept_used += record.disk_usage;
  print(table_text({{"TYPE", "TOTAL", "ACTIVE", "SIZE", "DISK USAGE"},
                    {"Images", std::to_string(images.size()), std::to_string(active), format_size(size),
                     format_size(used)},
                    {"Replaced, in use", std::to_string(kept.size()), std::to_string(kept.size()), "-",
                     format_size(kept_used)}}));
  return 0;
}

}  // namespace rocker::commands
