#include "rocker-image/importer.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <ctime>

#include "rocker-image/archive.hh"
#include "rocker-image/content.hh"
#include "rocker-image/finish.hh"
#include "rocker-image/stream.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

UniqueFd open_input(const std::string& input) {
  if (input == "-") {
    UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) throw system_error("standard input");
    if (::isatty(fd.get()) != 0) throw Error("standard input is a terminal, expected an archive");
    return fd;
  }
  UniqueFd fd(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw system_error(printable(input));
  return fd;
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Imported import_archive(const Store& store, const ImportOptions& options) {
  // Names are bytes to us; without a UTF-8 locale libarchive would try to convert those that pax says are
  // UTF-8.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) throw Error("this system has no C.UTF-8 locale");
  // Modes come from the archive alone.
  const mode_t umask_before = ::umask(0);
  const Defer restore_umask([&] { ::umask(umask_before); });

  const std::string name = options.input == "-" ? "standard input" : options.input;
  const UniqueFd input = open_input(options.input);
  store.prune();
  Staging staging = store.stage();
  if (::mkdirat(staging.fd(), "rootfs", 0755) < 0) throw system_error("mkdir rootfs");
  const UniqueFd root = open_at(staging.fd(), "rootfs", O_RDONLY | O_DIRECTORY);

  Imported imported;
  auto& record = imported.record;
  const auto ownership = Ownership::of_this_process();
  std::vector<DirectoryRecord> directories;
  std::vector<HashedFile> hashes;
  with_context([&] { return printable(name); },
               [&] {
                 // In this order: what was read is in the hands of the writer, and goes back to the stream's
                 // pool.
                 Cancel cancel;
                 FileSource file(input.get(), name, &cancel);
                 Stream stream(file, name, cancel);
                 ContentWriter content(ownership, options.manifest);
                 stream.before_wait([&] { content.flush(); });
                 ArchiveReader reader(stream);
                 reader.allow_missing_end(options.no_end_marker);
                 Extractor extractor(root.get(), ownership, options.extract, content);
                 extractor.extract(reader, false);
                 const auto digests = stream.finish();
                 content.finish();
                 record.source.format = reader.format();
                 record.source.digest = Sha256::text(digests.input);
                 record.source.diff_ids = {Sha256::text(digests.content)};
                 imported.tally = extractor.tally();
                 imported.tally.add(content.tally());
                 directories = std::move(extractor.directories());
                 hashes = std::move(content.hashes());
               });

  std::optional<ManifestWriter> manifest;
  if (options.manifest)
    manifest.emplace(open_at(staging.fd(), "manifest", O_WRONLY | O_CREAT | O_EXCL, 0600));
  const auto totals = finish_tree(root.get(), directories, hashes, ownership, manifest ? &*manifest : nullptr,
                                  imported.tally);

  record.name = options.reference.name;
  record.tag = options.reference.tag;
  record.id = options.reference.id();
  record.size = totals.size;
  record.created_ns = now_ns();
  record.created_time = spec::local_time(record.created_ns);
  record.generation = new_generation();
  record.architecture = spec::machine_architecture();
  record.entries = totals.entries;
  record.disk_usage = totals.disk_usage;
  record.source.path = options.input == "-" ? "-" : absolute_path(options.input);
  replace_file(staging.fd(), "image.json", spec::write_image_record(record), 0600);
  store.commit(std::move(staging), options.reference);
  return imported;
}

}  // namespace rocker
