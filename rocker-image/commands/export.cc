#include <algorithm>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/oci_writer.hh"
#include "rocker-image/output.hh"
#include "rocker-image/store.hh"
#include "rocker-image/tar_writer.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

struct Words {
  std::string output, compress = "none";
};

constexpr const char* image_help = "NAME[:TAG], or the beginning of an ID";

void define(CommandLine& line, Words& words) {
  line.add_option("--output,-o", words.output, "The file to write (default: standard output)");
  line.add_option("--compress", words.compress, "none, gzip or zstd");
}

}  // namespace

int export_image(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "export", "IMAGE",
      "Writes the root file system of an image as a tar. The same image gives the same bytes: entries are "
      "sorted, and no time is later than SOURCE_DATE_EPOCH where that is set.");
  Words words;
  std::string image;
  line.add_option("IMAGE", image, image_help)->required();
  define(line, words);
  if (!line.read(args)) return 0;
  const Compress compress = parse_compress(words.compress);
  const Store store(globals.root);
  const Reading reading = store.read(image);
  const UniqueFd root = reading.rootfs();
  Output output(words.output);
  TarWriter tar(output.fd(), compress, output.name());
  const std::size_t sockets = tar.add_tree(root.get());
  tar.finish();
  output.finish();
  if (sockets != 0)
    log::warn(cat(reading.image().reference.text(), ": ", sockets,
                  sockets == 1 ? " socket was" : " sockets were", " left out, no tar can hold them"));
  return 0;
}

int save(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "save", "IMAGE...",
      "Writes images as the tar of an OCI layout, which podman, skopeo, umoci and 'import' read. The same "
      "images give the same bytes.");
  Words words;
  std::vector<std::string> wanted;
  line.add_option("IMAGE", wanted, image_help)->required();
  define(line, words);
  if (!line.read(args)) return 0;
  const Compress compress = parse_compress(words.compress);
  const Store store(globals.root);
  std::vector<Reading> readings;
  std::vector<UniqueFd> roots;
  std::vector<SavedImage> images;
  for (const auto& text : wanted) {
    Reading reading = store.read(text);
    const auto& record = reading.image().record;
    // One that is named twice is there once, as docker has it.
    const bool again = std::any_of(images.begin(), images.end(), [&](const SavedImage& image) {
      return image.record.reference() == record.reference();
    });
    if (again) continue;
    roots.push_back(reading.rootfs());
    images.push_back({record, roots.back().get(), cat("/proc/self/fd/", reading.fd())});
    readings.push_back(std::move(reading));
  }
  Output output(words.output);
  write_oci_archive(images, output.fd(), compress, output.name());
  output.finish();
  for (const auto& image : images)
    containers::note_image_event(globals.root, "save", image.record.reference());
  return 0;
}

}  // namespace rocker::commands
