#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/importer.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

int import_image(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "import", "TAR NAME[:TAG]",
      "Makes an image of an archive: tar or cpio, plain or compressed by gzip, xz, zstd, bzip2, lzma, lz4, "
      "lzip or compress, whatever its name is.");
  ImportOptions options;
  std::string name;
  std::string max_size;
  bool no_manifest = false, numeric_owner = false;
  line.add_option("TAR", options.input, "The archive; - is standard input")->required();
  line.add_option("NAME", name, "NAME[:TAG] of the image; TAG is latest when it is left out")->required();
  line.add_option("--strip-components", options.extract.strip_components,
                  "Leave out that many leading components of each name");
  line.add_option("--exclude", options.extract.exclude,
                  "Leave out what matches the pattern (as tar does); repeatable")
      ->allow_extra_args(false);
  line.add_flag("--numeric-owner", numeric_owner, "For tar's users: owners are always taken by number");
  line.add_flag("--no-devices", options.extract.no_devices, "Leave out device nodes");
  line.add_option("--max-size", max_size, "The most that all files may have together (default 256g)");
  line.add_option("--max-entries", options.extract.max_entries, "The most entries (default 20000000)");
  line.add_flag("--no-manifest", no_manifest, "Do without the list of files and hashes that 'verify' needs");
  line.add_flag("--no-end-marker", options.no_end_marker,
                "Accept a tar without the blocks of zeros at its end");
  if (!line.read(args)) return 0;
  options.manifest = !no_manifest;
  if (!max_size.empty()) options.extract.max_size = parse_size(max_size, "--max-size");
  options.reference = spec::Reference::parse(name);

  const Store store(globals.root);
  try {
    const Imported imported = import_archive(store, options);
    if (const std::string text = imported.tally.text(); !text.empty()) {
      log::warn(cat(options.input, ": left out or changed: ", text));
    }
    print(cat("Imported ", options.reference.text(), " (ID: ", spec::short_id(imported.record.id),
              ", Size: ", format_size(imported.record.size), ")\n"));
  } catch (Error& error) {
    throw error.context("Import failed");
  }
  return 0;
}

}  // namespace rocker::commands
