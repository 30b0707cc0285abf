#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/commands/output.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/oci_writer.hh"
#include "rocker-image/store.hh"
#include "rocker-image/tar_writer.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

struct Words {
  std::string image, output, compress = "none";
};

void define(CommandLine& line, Words& words) {
  line.add_option("IMAGE", words.image, "NAME[:TAG], or the beginning of an ID")->required();
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
  define(line, words);
  if (!line.read(args)) return 0;
  const Compress compress = parse_compress(words.compress);
  const Store store(globals.root);
  const Reading reading = store.read(words.image);
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
      "save", "IMAGE",
      "Writes an image as the tar of an OCI layout, which podman, skopeo, umoci and 'import' read. The same "
      "image gives the same bytes.");
  Words words;
  define(line, words);
  if (!line.read(args)) return 0;
  const Compress compress = parse_compress(words.compress);
  const Store store(globals.root);
  const Reading reading = store.read(words.image);
  const UniqueFd root = reading.rootfs();
  Output output(words.output);
  write_oci_archive(reading.image().record, root.get(), output.fd(), compress,
                    cat("/proc/self/fd/", reading.fd()), output.name());
  output.finish();
  containers::note_image_event(globals.root, "save", reading.image().reference);
  return 0;
}

}  // namespace rocker::commands
