#include <fcntl.h>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/compare.hh"
#include "rocker-image/store.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

// docker's letters for what became of a file.
static std::string text_of(const Difference& difference) {
  const char letter = difference.kind == Difference::Kind::added     ? 'A'
                      : difference.kind == Difference::Kind::deleted ? 'D'
                                                                     : 'C';
  return cat(letter, " ", printable(difference.path, 8192), difference.what.empty() ? "" : "  ",
             difference.what, "\n");
}

int verify(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "verify", "IMAGE",
      "Compares the root file system of an image with the manifest that was made when it was imported. Says "
      "what was added (A), deleted (D) and changed (C), and exits with 1 when anything was.");
  std::string name;
  bool quick = false;
  line.add_option("IMAGE", name, "NAME[:TAG], or the beginning of an ID")->required();
  line.add_flag("--quick", quick, "Do not read the files: sizes, times, modes and owners only");
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  const auto image = store.find(name);
  store.check_rootfs(image);
  const UniqueFd root = open_path(image.rootfs(), O_RDONLY | O_DIRECTORY);
  std::size_t differences = 0;
  compare_tree(root.get(), cat(image.directory, "/manifest"), !quick, [&](const Difference& difference) {
    ++differences;
    print(text_of(difference));
  });
  if (differences != 0) return 1;
  print(cat(image.reference.text(), ": as it was imported, ", image.record.entries, " entries\n"));
  return 0;
}

int diff(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("diff", "IMAGE OTHER",
                   "Shows what OTHER has added (A), deleted (D) and changed (C) against IMAGE.");
  std::string before, after;
  line.add_option("IMAGE", before, "NAME[:TAG], or the beginning of an ID")->required();
  line.add_option("OTHER", after, "NAME[:TAG], or the beginning of an ID")->required();
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  const auto a = store.find(before), b = store.find(after);
  std::string out;
  compare_manifests(cat(a.directory, "/manifest"), cat(b.directory, "/manifest"),
                    [&](const Difference& difference) { out += text_of(difference); });
  print(out);
  return 0;
}

}  // namespace rocker::commands
