#include "rocker-image/importer.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <clocale>
#include <cstring>
#include <ctime>
#include <thread>

#include "rocker-image/builder.hh"
#include "rocker-image/choice.hh"
#include "rocker-image/clone.hh"
#include "rocker-image/folder.hh"
#include "rocker-image/progress.hh"
#include "rocker-image/shape.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/thread.hh"

namespace rocker {

namespace {

std::atomic<Cancel*> running = nullptr;

UniqueFd open_input(const std::string& input, const Cancel& cancel) {
  if (input == "-") {
    UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) throw system_error("standard input");
    if (::isatty(fd.get()) != 0) throw Error("standard input is a terminal, expected an archive");
    return fd;
  }
  UniqueFd fd(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    const int why = errno;
    cancel.throw_if_set();  // while it waited for a FIFO's writer
    errno = why;
    throw system_error("open").hint("give the path of an archive or a folder, or - for standard input");
  }
  return fd;
}

// The name in the first header of a plain tar, by its bytes; empty for anything else.
std::string first_name(int fd) {
  char header[512];
  if (::pread(fd, header, sizeof header, 0) != sizeof header) return {};
  if (std::string_view(header + 257, 5) != "ustar") return {};
  return {header, ::strnlen(header, 100)};
}

class Import {
 public:
  Import(const Store& store, const ImportOptions& options)
      : store_(store), options_(options), name_(options.input == "-" ? "standard input" : options.input) {}

  std::vector<Imported> run() {
    running = &cancel_;
    const Defer forget([] { running = nullptr; });
    unmatched_ = options_.extract.exclude;
    auto images = with_context([&] { return printable(name_); }, [&] { return from_input(); });
    for (const auto& pattern : unmatched_)
      log::warn(cat(printable(name_), ": --exclude ", printable(pattern), " matches nothing"));
    return images;
  }

 private:
  std::vector<Imported> from_input() {
    input_ = open_input(options_.input, cancel_);
    struct stat st {};
    if (::fstat(input_.get(), &st) < 0) throw system_error("stat");
    if (S_ISDIR(st.st_mode)) return from_folder();
    if (S_ISREG(st.st_mode) && options_.as != ImportOptions::As::rootfs &&
        ::lseek(input_.get(), 0, SEEK_CUR) == 0 &&
        (options_.as != ImportOptions::As::whatever || may_be_layout(first_name(input_.get())))) {
      if (auto images = from_plain_layout()) return std::move(*images);
    }
    return from_stream();
  }

  LayoutKind wanted_kind(const LayoutFiles& files) const {
    switch (options_.as) {
      case ImportOptions::As::rootfs: return LayoutKind::none;
      case ImportOptions::As::docker: return LayoutKind::docker;
      case ImportOptions::As::oci: return LayoutKind::oci;
      default: return layout_kind(files);
    }
  }

  // A layout in a tar that can be read in any order: its layers are read where they are.
  std::optional<std::vector<Imported>> from_plain_layout() {
    if (first_name(input_.get()).empty()) return std::nullopt;
    const LayoutTar files(input_.get(), &cancel_);
    if (!files.can_be_read_in_place()) return std::nullopt;
    const LayoutKind kind = wanted_kind(files);
    if (kind == LayoutKind::none) return std::nullopt;
    // The digest of the archive as it is: beside the layers, on the other processor.
    std::exception_ptr failed;
    Sha256::Digest digest{};
    std::thread hasher = start_thread([&] {
      try {
        digest = hash_file(input_.get());
      } catch (...) {
        failed = std::current_exception();
      }
    });
    const Defer join([&] {
      if (!hasher.joinable()) return;
      // Of an import that fails: nobody wants the digest any more.
      cancel_.set();
      hasher.join();
    });
    return from_layout(files, kind, [&] {
      if (hasher.joinable()) hasher.join();
      if (failed) std::rethrow_exception(failed);
      return std::optional(digest);
    });
  }

  Sha256::Digest hash_file(int fd) {
    Sha256 hash;
    std::vector<char> buffer(BlockPool::block_size);
    for (off_t at = 0;;) {
      cancel_.throw_if_set();
      const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("read");
      if (got == 0) return hash.finish();
      hash.update(buffer.data(), static_cast<std::size_t>(got));
      at += got;
    }
  }

  std::vector<Imported> from_folder() {
    const LayoutFolder files(input_.get());
    const LayoutKind kind = wanted_kind(files);
    if (kind != LayoutKind::none)
      return from_layout(files, kind, [] { return std::optional<Sha256::Digest>(); });
    if (options_.as == ImportOptions::As::whatever) refuse_other_archives(input_.get(), true);
    if (options_.check_digest) throw Error("is a directory, which has no digest to check");
    Builder builder(store_, options_, cancel_);
    FolderSource source(input_.get(), store_.root());
    source.exclude([&](const std::string& path) { return builder.excludes(path); });
    builder.apply(source);
    spec::ImageRecord record = new_record(need_reference());
    record.source.format = "directory";
    auto imported = finish_one(builder, std::move(record));
    imported.front().tally.mounts = source.mounts();
    return imported;
  }

  // Of an archive that nobody knows yet: --exclude and --strip-components are for the files of a layout's
  // layers, and not for those of the layout.
  ExtractOptions spool_options() const {
    ExtractOptions extract = options_.extract;
    if (options_.as == ImportOptions::As::rootfs ||
        (extract.exclude.empty() && extract.strip_components == 0))
      return extract;
    const bool layout = options_.as != ImportOptions::As::whatever;
    extract.whole_if = [layout](std::string_view top) { return layout || may_be_layout(top); };
    return extract;
  }

  // Whatever it is, it is extracted; if what comes out is a layout, that was the spool.
  std::vector<Imported> from_stream() {
    FileSource file(input_.get(), name_, &cancel_);
    Builder builder(store_, options_, spool_options(), cancel_);
    const auto applied = builder.apply(file, name_, false);
    const LayoutFolder files(builder.root());
    const LayoutKind kind = wanted_kind(files);
    if (kind != LayoutKind::none) {
      return from_layout(files, kind, [&] { return std::optional(applied.digests.input); });
    }
    if (options_.check_digest) options_.check_digest(applied.digests.input);
    if (options_.as == ImportOptions::As::whatever) refuse_other_archives(builder.root(), false);
    spec::ImageRecord record = new_record(need_reference());
    record.source.format = applied.format;
    record.source.digest = Sha256::text(applied.digests.input);
    record.source.diff_ids = {Sha256::text(applied.digests.content)};
    if (!builder.whole()) return finish_one(builder, std::move(record));
    // It only began like one.
    Builder filtered(store_, options_, cancel_);
    filtered.apply_spool(builder);
    return finish_one(filtered, std::move(record));
  }

  // Of several images, each may have something for a pattern.
  void note_patterns(const Builder& builder) {
    const auto here = builder.unmatched();
    std::erase_if(unmatched_, [&](const std::string& pattern) {
      return std::find(here.begin(), here.end(), pattern) == here.end();
    });
  }

  std::vector<Imported> finish_one(Builder& builder, spec::ImageRecord record) {
    note_patterns(builder);
    std::string advice = single_directory_advice(builder.root(), builder.top());
    std::vector<Imported> result;
    result.push_back(builder.commit(with_changes(std::move(record))));
    result.back().advice = std::move(advice);
    return result;
  }

  using InputDigest = std::function<std::optional<Sha256::Digest>()>;

  std::vector<Imported> from_layout(const LayoutFiles& files, LayoutKind kind,
                                    const InputDigest& input_digest) {
    const auto images = choose_images(
        layout_images(files, kind, options_.platform, options_.platform_given, &cancel_), options_);
    std::vector<Builder::Finished> made;
    for (const auto& [image, references, advice] : images) {
      Builder builder(store_, options_, cancel_);
      for (const auto& layer : image.layers) apply_layer(builder, files, layer);
      note_patterns(builder);
      const auto digest = input_digest();
      if (options_.check_digest && !digest) throw Error("is a directory, which has no digest to check");
      if (options_.check_digest) options_.check_digest(*digest);
      spec::ImageRecord record = new_record(references.front());
      record.os = image.platform.os;
      record.architecture = image.platform.architecture;
      record.variant = image.platform.variant;
      record.source.format = kind == LayoutKind::oci ? "oci" : "docker";
      record.source.digest = digest ? Sha256::text(*digest) : image.digest;
      for (const auto& layer : image.layers) record.source.diff_ids.push_back(Sha256::text(layer.diff_id));
      record.config = image.config;
      record.history = image.history;
      auto first = builder.finish(with_changes(std::move(record)));
      first.imported.advice = advice;
      const auto here = Platform::of_this_machine();
      if (!options_.platform_given && image.platform.architecture != here.architecture) {
        first.imported.advice += cat(advice.empty() ? "" : "; ", "it is for ", image.platform.text(),
                                     ", this machine is ", here.text());
      }
      std::vector<Builder::Finished> others;
      for (std::size_t i = 1; i < references.size(); ++i) {
        auto [staging, clone] = clone_image(store_, first.staging.fd(), first.imported.record, references[i]);
        others.push_back({std::move(staging), {std::move(clone), {}, {}}});
      }
      made.push_back(std::move(first));
      for (auto& other : others) made.push_back(std::move(other));
    }
    return commit_all(made);
  }

  // Nothing of an archive gets its name before all of it is extracted.
  std::vector<Imported> commit_all(std::vector<Builder::Finished>& made) {
    std::vector<Imported> result;
    for (auto& [staging, imported] : made) {
      try {
        store_.commit(std::move(staging), imported.record.reference());
      } catch (Error& error) {
        std::vector<std::string> there;
        for (const auto& one : result) there.push_back(one.record.reference().text());
        if (!there.empty()) error.hint(cat("of this archive there are already ", join(there, ", ")));
        throw;
      }
      result.push_back(std::move(imported));
    }
    return result;
  }

  void apply_layer(Builder& builder, const LayoutFiles& files, const LayoutLayer& layer) {
    with_context(
        [&] { return cat("layer ", printable(layer.path)); },
        [&] {
          const auto file = files.open(layer.path);
          if (!file) throw Error("is not in the archive");
          FileSource source(file->fd.get(), layer.path, &cancel_, {file->range.start, file->range.size});
          const auto applied = builder.apply(source, layer.path, true);
          if (options_.progress != nullptr) options_.progress->advance(file->range.size);
          if (layer.blob && applied.digests.input != *layer.blob) {
            throw Error(
                cat("has the digest ", Sha256::text(applied.digests.input), ", not its own: it is damaged"));
          }
          if (applied.digests.content != layer.diff_id) {
            throw Error(cat("its content has the digest ", Sha256::text(applied.digests.content),
                            ", the image says ", Sha256::text(layer.diff_id)));
          }
        });
  }

  const spec::Reference& need_reference() const {
    if (!options_.selected.empty())
      throw Error("is an archive of a root file system, in which there are no images to select from")
          .hint("leave --select out");
    if (options_.platform.os != "linux") {
      throw Error(cat("is an archive of a root file system, which can't be for ", options_.platform.text()))
          .hint("give --platform linux/ARCH, or leave it out");
    }
    if (options_.reference) return *options_.reference;
    throw Error("is an archive of a root file system, which has no name")
        .hint("give a NAME[:TAG] behind the archive");
  }

  spec::ImageRecord new_record(const spec::Reference& reference) const {
    spec::ImageRecord record;
    record.name = reference.name;
    record.tag = reference.tag;
    record.architecture = options_.platform.architecture;
    record.variant = options_.platform.variant;
    record.source.path = options_.input == "-" ? "-" : absolute_path(options_.input);
    return record;
  }

  // What --change and --message say.
  spec::ImageRecord with_changes(spec::ImageRecord record) const {
    const auto before = record.config;
    if (options_.change) options_.change(record.config);
    if (record.history.empty() || record.config != before || !options_.message.empty()) {
      auto& step = record.history.emplace_back();
      timespec now{};
      ::clock_gettime(CLOCK_REALTIME, &now);
      step.created = spec::utc_time(static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
      step.created_by = cat("rocker import ", options_.input);
      step.comment = options_.message;
      step.empty_layer = record.history.size() > 1;
    }
    return record;
  }

  const Store& store_;
  const ImportOptions& options_;
  std::string name_;
  Cancel cancel_;
  UniqueFd input_;
  std::vector<std::string> unmatched_;  // of --exclude, by what was extracted so far
};

}  // namespace

std::vector<Imported> import_archive(const Store& store, const ImportOptions& options) {
  // Names are bytes to us; without a UTF-8 locale libarchive would try to convert those that pax says are
  // UTF-8.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) throw Error("this system has no C.UTF-8 locale");
  // Modes come from the archive alone.
  const mode_t umask_before = ::umask(0);
  const Defer restore_umask([&] { ::umask(umask_before); });
  // What others have left is no reason to fail.
  try {
    store.prune(Store::Deletion::in_background);
  } catch (const Error& error) {
    log::warn(cat("prune: ", error.what()));
  }
  return Import(store, options).run();
}

void interrupt_import() {
  if (Cancel* cancel = running.load(); cancel != nullptr) cancel->set();
}

}  // namespace rocker
