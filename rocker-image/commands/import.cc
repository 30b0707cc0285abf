#include <csignal>
#include <limits>

#include "rocker-image/changes.hh"
#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/importer.hh"
#include "rocker-image/progress.hh"
#include "rocker-image/trust.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

#include <sys/stat.h>
#include <unistd.h>

namespace rocker::commands {

namespace {

struct Words {
  std::string name, max_size, max_entries, strip, platform, as, digest, verify, keyring, progress = "auto";
  std::vector<std::string> changes;
  bool no_manifest = false, numeric_owner = false, quiet = false, loaded = false;
};

void define(CommandLine& line, ImportOptions& options, Words& words) {
  line.add_option("TAR", options.input, "The archive or directory; - is standard input")->required();
  line.add_option("NAME", words.name, "NAME[:TAG] of the image (default: the archive's own, TAG latest)");
  line.add_option("--change,-c", words.changes,
                  "Set CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or "
                  "WORKDIR, as in a Dockerfile; repeatable")
      ->allow_extra_args(false);
  line.add_option("--message,-m", options.message, "A line for the image's history");
  line.add_option("--as", words.as, "Take it for a rootfs, docker or oci archive, whatever it looks like");
  line.add_option("--platform", words.platform,
                  "OS/ARCH[/VARIANT] of an archive for several (default: this machine's)");
  line.add_flag("--all", options.all, "Import every image of an archive, by its own name or as NAME:its tag");
  line.add_option("--select", options.selected,
                  "Import the image with this name or tag from an archive of several");
  line.add_option("--strip-components", words.strip, "Leave out that many leading components of each name");
  line.add_option("--exclude", options.extract.exclude,
                  "Leave out what matches the pattern, as tar does; repeatable")
      ->allow_extra_args(false);
  line.add_flag("--numeric-owner", words.numeric_owner, "For tar's users: owners are always taken by number");
  line.add_flag("--chown-to-self", options.own_everything,
                "Make this user the owner of everything, as without root");
  line.add_flag("--no-devices", options.extract.no_devices, "Leave out device nodes");
  line.add_option("--digest", words.digest, "sha256:... that the archive must have");
  line.add_option("--verify", words.verify,
                  "none, checksum (TAR.sha256 or SHA256SUMS beside it) or signature (theirs)");
  line.add_option("--keyring", words.keyring, "The keys that may sign, for gpgv");
  line.add_option("--max-size", words.max_size, "The most that all files may have together (default 256g)");
  line.add_option("--max-entries", words.max_entries, "The most entries (default 20000000)");
  line.add_flag("--no-manifest", words.no_manifest, "Do without the list of files that 'verify' needs");
  line.add_flag("--no-end-marker", options.no_end_marker,
                "Accept a tar without the blocks of zeros at its end");
  line.add_option("--progress", words.progress, "auto (a bar on a terminal), plain, json or none");
  line.add_flag("--quiet,-q", words.quiet, "Print the ID alone");
  line.add_flag("--loaded", words.loaded, "Say 'Loaded image: NAME:TAG', as docker's load does");
}

// Of an option that was given; the most is what its type can hold.
template <typename T>
void parse_count(const std::string& text, std::string_view option, T& out) {
  if (text.empty()) return;
  unsigned long long number = 0;
  if (!parse_number(text, number) || number > std::numeric_limits<T>::max())
    throw Error(cat(option, ": \"", printable(text), "\" is not a number of 0 or more"));
  out = static_cast<T>(number);
}

ImportOptions::As parse_as(const std::string& text) {
  using As = ImportOptions::As;
  if (text.empty()) return As::whatever;
  if (text == "rootfs") return As::rootfs;
  if (text == "docker") return As::docker;
  if (text == "oci") return As::oci;
  throw Error(cat("--as: \"", printable(text), "\" is not a kind of archive"))
      .hint("one of rootfs, docker, oci");
}

// Both what the user gives and what is published beside the archive.
DigestCheck digest_check(const std::string& input, const Words& words, const std::string& config) {
  std::vector<ExpectedDigest> expected;
  if (!words.digest.empty()) {
    auto& given = expected.emplace_back();
    given.from = "--digest";
    if (!Sha256::parse(words.digest, given.digest)) {
      throw Error(
          cat("--digest: \"", printable(words.digest), "\" is not sha256: and 64 hexadecimal digits"));
    }
  }
  const auto defaults = read_trust_defaults(config);
  const Verify verify = words.verify.empty() ? defaults.verify : parse_verify(words.verify, "--verify");
  if (!words.keyring.empty()) {
    if (verify != Verify::signature)
      throw Error("--keyring: no signature is to be checked").hint("give --verify signature as well");
    if (::access(words.keyring.c_str(), R_OK) < 0)
      throw system_error(cat("--keyring ", printable(words.keyring)));
  }
  // Standard input has no file beside it: the digest that is given takes its place.
  const bool given = input == "-" && verify == Verify::checksum && !words.digest.empty();
  if (verify != Verify::none && !given) {
    expected.push_back(
        published_digest(input, verify, words.keyring.empty() ? defaults.keyring : words.keyring));
  }
  if (expected.empty()) return nullptr;
  return [expected](const Sha256::Digest& digest) {
    for (const auto& wanted : expected) {
      if (digest == wanted.digest) continue;
      throw Error(cat("has the digest ", Sha256::text(digest), ", but ", printable(wanted.from), " says ",
                      Sha256::text(wanted.digest)))
          .hint("nothing was imported");
    }
  };
}

void catch_signals() {
  // Neither a progress that nobody reads any more nor a limit on the size of files is a reason to die half
  // way and to say nothing.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_import(); };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    // nohup ignores SIGHUP, and that stays.
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL)
      ::sigaction(signal, &action, nullptr);
  }
}

void report(const std::string& input, const Imported& imported, bool quiet, bool loaded) {
  if (const std::string text = imported.tally.text(); !text.empty()) {
    log::warn(cat(input, ": left out or changed: ", text));
  }
  if (!imported.advice.empty()) log::warn(cat(input, ": ", imported.advice));
  const auto& record = imported.record;
  const std::string name = record.reference().text();
  print_done(cat("Imported ", name), quiet    ? cat(record.id, "\n")
                                     : loaded ? cat("Loaded image: ", name, "\n")
                                              : cat("Imported ", name, " (ID: ", spec::short_id(record.id),
                                                    ", Size: ", format_size(record.size), ")\n"));
}

}  // namespace

int import_image(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line(
      "import", "TAR [NAME[:TAG]]",
      "Makes an image of an archive: a tar or cpio of a root file system, what 'docker save' writes, or an "
      "OCI layout; compressed by gzip, xz, zstd, bzip2, lzma, lz4, lzip or compress, whatever its name is. "
      "An image is there whole or not at all.");
  ImportOptions options;
  Words words;
  define(line, options, words);
  if (!line.read(args)) return 0;
  options.manifest = !words.no_manifest;
  options.as = parse_as(words.as);
  if (options.all && !options.selected.empty())
    throw Error("--all and --select: one of them").hint("--select takes one image, --all each");
  parse_count(words.strip, "--strip-components", options.extract.strip_components);
  parse_count(words.max_entries, "--max-entries", options.extract.max_entries);
  if (!words.max_size.empty()) options.extract.max_size = parse_size(words.max_size, "--max-size");
  if (!words.name.empty()) {
    options.reference = spec::Reference::parse(words.name);
    options.tag_given = options.reference->name != words.name;
  }
  if (!words.platform.empty()) {
    options.platform = Platform::parse(words.platform);
    if (options.platform.architecture.empty()) options.platform.architecture = spec::machine_architecture();
    options.platform_given = true;
  }
  options.change = [&](spec::ImageConfig& config) {
    for (const auto& change : words.changes) apply_change(change, config);
  };
  // A mistake in a change is told before the work and not after it.
  spec::ImageConfig trial;
  options.change(trial);
  const auto style =
      words.quiet && words.progress == "auto" ? Progress::Style::none : Progress::parse(words.progress);

  const Store store(globals.root);
  std::vector<Imported> images;
  try {
    options.check_digest = digest_check(options.input, words, globals.config);
    struct stat st {};
    const bool known = options.input != "-" && ::stat(options.input.c_str(), &st) == 0 && S_ISREG(st.st_mode);
    Progress progress(style, options.input, known ? static_cast<std::uint64_t>(st.st_size) : 0);
    options.progress = &progress;
    catch_signals();
    images = import_archive(store, options);
    progress.finish();
    for (const auto& imported : images) {
      containers::note_image_event(store.root(), options.all ? "load" : "import",
                                   imported.record.reference());
    }
  } catch (Error& error) {
    if (error.errno_value() == ECANCELED) error.exit_status(130);
    throw error.context("Import failed");
  }
  for (const auto& imported : images) report(options.input, imported, words.quiet, words.loaded);
  return 0;
}

}  // namespace rocker::commands
