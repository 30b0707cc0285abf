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
  line.add_flag("--quick", quick, "Do not read the files: sizes, times, modes, owners and xattrs only");
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  const Reading reading = store.read(name);
  const Image& image = reading.image();
  const UniqueFd root = reading.rootfs();
  std::size_t differences = 0;
  compare_tree(root.get(), {reading.fd(), image.directory}, !quick, [&](const Difference& difference) {
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
  const Reading a = store.read(before), b = store.read(after);
  std::string out;
  compare_manifests({a.fd(), a.image().directory}, {b.fd(), b.image().directory},
                    [&](const Difference& difference) { out += text_of(difference); });
  print(out);
  return 0;
}

}  // namespace rocker::commands
