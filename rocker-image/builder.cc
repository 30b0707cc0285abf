#include "rocker-image/builder.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>

#include "rocker-image/finish.hh"
#include "rocker-image/folder.hh"
#include "rocker-image/progress.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

UniqueFd make_root(const Staging& staging) {
  if (::mkdirat(staging.fd(), "rootfs", 0755) < 0) throw system_error("mkdir rootfs");
  return open_at(staging.fd(), "rootfs", O_RDONLY | O_DIRECTORY);
}

// An archive that is empty itself may be meant; one of which the options leave nothing is a mistake in them.
void check_not_emptied(const ImportOptions& options, const Tally& tally, const TreeTotals& totals) {
  if (totals.entries != 0 || (tally.excluded == 0 && tally.stripped == 0)) return;
  const std::string exclude = cat("--exclude ", printable(join(options.extract.exclude, " --exclude "))),
                    strip = cat("--strip-components ", options.extract.strip_components);
  throw Error(cat(tally.stripped == 0   ? cat(exclude, " leaves")
                  : tally.excluded == 0 ? cat(strip, " leaves")
                                        : cat(exclude, " and ", strip, " leave"),
                  " nothing of its ", tally.excluded + tally.stripped, " entries"));
}

}  // namespace

Builder::Builder(const Store& store, const ImportOptions& options, const ExtractOptions& extract,
                 Cancel& cancel)
    : store_(store),
      options_(options),
      cancel_(cancel),
      ownership_(Ownership::of_this_process(options.own_everything)),
      staging_(store.stage()),
      root_(make_root(staging_)),
      content_(ownership_, cancel, ContentWriter::Keep{staging_.path(), options.manifest}),
      extractor_(root_.get(), ownership_, extract, content_, cancel_) {}

Builder::Applied Builder::apply(FileSource& file, const std::string& name, bool layer) {
  Applied applied;
  Stream stream(file, name, cancel_);
  // What the writer holds belongs to the stream's pool.
  const Defer settle([&] { content_.abandon(); });
  stream.before_wait([&] {
    content_.flush();
    if (options_.progress != nullptr) options_.progress->update(file.position(), extractor_.entries());
  });
  ArchiveReader reader(stream);
  // A layer is known to be whole by its digest.
  reader.allow_missing_end(layer || options_.no_end_marker);
  reader.allow_empty(layer);
  extractor_.extract(reader, layer);
  applied.digests = stream.finish();
  content_.drain();
  applied.format = reader.format();
  return applied;
}

void Builder::apply(EntrySource& source) {
  extractor_.extract(source, false);
  content_.drain();
}

void Builder::apply_spool(Builder& spool) {
  spool.content_.finish();
  spool_tally_ = spool.extractor_.tally();
  spool_tally_.add(spool.content_.tally());
  finish_tree(spool.root(), spool.extractor_, spool.content_.files(), ownership_, nullptr, spool_tally_);
  extractor_.names_as_of(spool.extractor_);
  FolderSource source(spool.root(), "");
  apply(source);
}

Builder::Finished Builder::finish(spec::ImageRecord record) {
  content_.finish();
  Imported imported;
  imported.tally = spool_tally_;
  imported.tally.add(extractor_.tally());
  imported.tally.add(content_.tally());
  std::optional<ManifestWriter> manifest;
  if (options_.manifest)
    manifest.emplace(open_at(staging_.fd(), "manifest", O_WRONLY | O_CREAT | O_EXCL, 0600));
  const auto totals = finish_tree(root_.get(), extractor_, content_.files(), ownership_,
                                  manifest ? &*manifest : nullptr, imported.tally);
  check_not_emptied(options_, imported.tally, totals);
  record.id = record.reference().id();
  record.size = totals.size;
  record.created_ns = now_ns();
  record.created_time = spec::local_time(record.created_ns);
  record.generation = new_generation();
  record.entries = totals.entries;
  record.disk_usage = totals.disk_usage;
  replace_file(staging_.fd(), "image.json", spec::write_image_record(record), 0600);
  imported.record = std::move(record);
  return {std::move(staging_), std::move(imported)};
}

Imported Builder::commit(spec::ImageRecord record) {
  auto [staging, imported] = finish(std::move(record));
  store_.commit(std::move(staging), imported.record.reference());
  return std::move(imported);
}

}  // namespace rocker
