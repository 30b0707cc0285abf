#include "rocker-image/store.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "rocker-image/background.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::size_t most_json = std::size_t{16} << 20;

// Names in a directory, without those that begin with a dot; none when there is no such directory.
std::vector<std::string> names_in(const std::string& path) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Close> dir(::opendir(path.c_str()));
  if (!dir) {
    if (errno == ENOENT || errno == ENOTDIR) return names;
    throw system_error(cat("open ", path));
  }
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

bool is_directory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::string random_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) throw system_error("getrandom");
  return hexadecimal(number, 16);
}

// A folder of the store. The root itself can be passed by others, so that a container's root in a user
// namespace finds its way to its own files; images can't: they may hold set-user-ID programs with known
// holes.
std::string make_folder(const std::string& root, std::string_view name) {
  std::string path = cat(root, "/", name);
  if (!is_directory(path)) {
    if (!is_directory(root)) make_directories(root, 0711);
    make_directories(path, 0700);
  }
  return path;
}

bool is_generation(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// An image.json that was not written by an import has no generation. What it says stands in for one.
std::string generation_of(const spec::ImageRecord& record) {
  if (!record.generation.empty()) return record.generation;
  return cat("made-", hexadecimal(sip_hash_13(cat(record.name, ":", record.tag, record.created_time)), 16));
}

bool is_hexadecimal(std::string_view text) {
  return !text.empty() && text.size() <= 12 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string bundle_key(const std::string& bundle_dir) {
  return hexadecimal(sip_hash_13(bundle_dir), 16);
}

// The name is gone at once, what it stood for is deleted by a process of its own.
void move_to(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) throw system_error(cat("rename ", from, " to ", to));
}

void fsync_directory(const std::string& path) {
  const UniqueFd dir = open_path(path, O_RDONLY | O_DIRECTORY);
  if (::fsync(dir.get()) < 0 && errno != EINVAL) throw system_error(cat("fsync ", path));
}

}  // namespace

std::string new_generation() {
  return random_name();
}

// ---------------------------------------------------------------------------------------------- looking

std::string Store::image_directory(const spec::Reference& reference) const {
  return cat(root_, "/images/", reference.directory(), "/", reference.tag);
}

Image Store::load(const spec::Reference& reference, std::string directory) const {
  const std::string file = cat(directory, "/image.json");
  auto text = read_file_if_exists(AT_FDCWD, file, most_json);
  if (!text) {
    throw Error(cat("Image not found: ", reference.text(), ": ", file, " is missing"))
        .hint(cat("import it again, or remove what is left with 'rocker rmi ", reference.text(), "'"));
  }
  Image image{reference, std::move(directory), {}};
  try {
    image.record = spec::parse_image_record(std::move(*text), file);
  } catch (Error& error) {
    error.hint(cat("import it again, or remove it with 'rocker rmi ", reference.text(), "'"));
    throw;
  }
  // A folder that somebody has copied or renamed is the image that its name says.
  image.record.name = reference.name;
  image.record.tag = reference.tag;
  image.record.id = reference.id();
  image.record.generation = generation_of(image.record);
  if (!is_generation(image.record.generation)) {
    throw Error(cat(file, ": /generation: \"", printable(image.record.generation),
                    "\" is not one, expected letters, digits and '-'"));
  }
  return image;
}

spec::Reference Store::resolve(std::string_view text) const {
  const auto reference = spec::Reference::parse(text);
  if (exists(image_directory(reference))) return reference;

  const bool plain = text.find_first_of(":/") == std::string_view::npos;
  std::vector<std::string> same_name, same_id;
  spec::Reference found;
  for (const auto& directory : names_in(cat(root_, "/images"))) {
    const std::string name = spec::name_of_directory(directory);
    const bool by_id = plain && is_hexadecimal(text);
    if (!by_id && name != reference.name) continue;
    for (const auto& tag : names_in(cat(root_, "/images/", directory))) {
      const spec::Reference candidate{name, tag};
      if (name == reference.name) same_name.push_back(candidate.text());
      if (by_id && candidate.id().starts_with(text)) same_id.push_back(candidate.text()), found = candidate;
    }
  }
  if (same_id.size() == 1) return found;
  if (same_id.size() > 1) {
    throw Error(cat("\"", text, "\" is the beginning of several IDs: ", join(same_id, ", ")))
        .hint("give more digits");
  }
  Error error(cat("Image not found: ", reference.text()));
  if (!same_name.empty()) throw error.hint(cat("there is ", join(same_name, ", ")));
  throw error.hint(cat("import it with 'rocker import <tar-file> ", reference.text(), "'"));
}

Image Store::find(std::string_view text) const {
  const auto reference = resolve(text);
  return load(reference, image_directory(reference));
}

std::vector<Image> Store::list(const std::function<void(const Error&)>& broken) const {
  std::vector<Image> images;
  for (const auto& directory : names_in(cat(root_, "/images"))) {
    const std::string folder = cat(root_, "/images/", directory);
    for (const auto& tag : names_in(folder)) {
      try {
        images.push_back(load({spec::name_of_directory(directory), tag}, cat(folder, "/", tag)));
      } catch (const Error& error) {
        broken(error);
      }
    }
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    if (a.record.created_ns != b.record.created_ns) return a.record.created_ns > b.record.created_ns;
    return a.reference.text() < b.reference.text();
  });
  return images;
}

void Store::check_rootfs(const Image& image) const {
  if (is_directory(image.rootfs())) return;
  throw Error(cat("rootfs not found: ", image.rootfs()))
      .hint(cat("import ", image.reference.text(), " again with 'rocker import <tar-file> ",
                image.reference.text(), "'"));
}

FileLock Store::lock(const spec::Reference& reference, FileLock::Mode mode) const {
  const UniqueFd dir = open_path(make_folder(root_, "locks"), O_PATH | O_DIRECTORY);
  return FileLock::wait(dir.get(), reference.id(), mode);
}

// ---------------------------------------------------------------------------------------------- generations
// and users

Image Store::use(std::string_view text, const std::string& bundle_dir) const {
  const auto reference = resolve(text);
  const FileLock lock = this->lock(reference, FileLock::Mode::shared);
  Image image = load(reference, image_directory(reference));
  check_rootfs(image);
  const std::string folder = cat(make_folder(root_, "references"), "/", image.generation());
  // Somebody who prunes takes away a folder that is empty, perhaps just now.
  for (int tries = 0;; ++tries) {
    try {
      make_directories(folder, 0700);
      const UniqueFd dir = open_path(folder, O_RDONLY | O_DIRECTORY);
      replace_file(dir.get(), bundle_key(bundle_dir), bundle_dir, 0600);
      return image;
    } catch (const Error& error) {
      if (error.errno_value() != ENOENT || tries == 16) throw;
    }
  }
}

std::vector<std::string> Store::users(const std::string& generation) const {
  std::vector<std::string> bundles;
  const std::string folder = cat(root_, "/references/", generation);
  for (const auto& key : names_in(folder)) {
    auto bundle = read_file_if_exists(AT_FDCWD, cat(folder, "/", key), most_json);
    if (bundle && is_directory(*bundle)) bundles.push_back(std::move(*bundle));
  }
  std::sort(bundles.begin(), bundles.end());
  return bundles;
}

std::vector<spec::ImageRecord> Store::kept_generations() const {
  std::vector<spec::ImageRecord> records;
  for (const auto& generation : names_in(cat(root_, "/generations"))) {
    const std::string file = cat(root_, "/generations/", generation, "/image.json");
    // One that can't be read is prune()'s.
    try {
      records.push_back(spec::parse_image_record(read_file(file, most_json), file));
    } catch (const Error&) {
    }
  }
  return records;
}

std::optional<std::string> Store::live_generation(const spec::Reference& reference) const {
  // What can't be read was never used by a bundle.
  try {
    return load(reference, image_directory(reference)).generation();
  } catch (const Error&) {
    return std::nullopt;
  }
}

Image Store::find_generation(const spec::Reference& reference, const std::string& generation) const {
  if (!is_generation(generation))
    throw Error(cat("\"", printable(generation), "\" is not a generation of an image"));
  if (live_generation(reference) == generation) return load(reference, image_directory(reference));
  const std::string kept = cat(root_, "/generations/", generation);
  if (!exists(kept)) {
    throw Error(
        cat("rootfs not found: the import of ", reference.text(), " that it was made from is not in ", root_))
        .hint("it was deleted by hand; make the bundle again from an image");
  }
  Image image = load(reference, kept);
  check_rootfs(image);
  return image;
}

void Store::release(const spec::Reference& reference, const std::string& generation,
                    const std::string& bundle_dir) const {
  if (!is_generation(generation)) return;
  const std::string folder = cat(root_, "/references/", generation);
  if (!exists(folder)) return;
  const FileLock lock = this->lock(reference, FileLock::Mode::exclusive);
  const std::string file = cat(folder, "/", bundle_key(bundle_dir));
  if (::unlink(file.c_str()) < 0 && errno != ENOENT) throw system_error(cat("remove ", file));
  ::rmdir(folder.c_str());
  drop_generation_if_unused(reference, generation);
}

void Store::drop_generation_if_unused(const spec::Reference& reference, const std::string& generation) const {
  const std::string kept = cat(root_, "/generations/", generation);
  if (!exists(kept)) return;
  // A folder that is not the generation of its name is what a crash between the two steps of commit() has
  // left: the new image, before it was one.
  bool whole = false;
  try {
    whole = load(reference, kept).generation() == generation;
  } catch (const Error&) {
  }
  if (!whole || users(generation).empty()) discard(kept);
}

// ---------------------------------------------------------------------------------------------- changing

Staging::Staging(Staging&& other) noexcept
    : root_(std::move(other.root_)),
      tmp_(std::move(other.tmp_)),
      dir_(std::move(other.dir_)),
      name_(std::exchange(other.name_, std::string())),
      lock_(std::move(other.lock_)) {}

Staging::~Staging() {
  if (name_.empty()) return;
  dir_.reset();
  try {
    remove_tree(tmp_.get(), name_);
    ::unlinkat(tmp_.get(), cat(name_, ".lock").c_str(), 0);
  } catch (const std::exception& error) {
    log::warn(cat(path(), ": ", error.what(), " - 'rocker-image prune' tries again"));
  }
}

std::string Staging::path() const {
  return cat(root_, "/tmp/", name_);
}

Staging Store::stage() const {
  Staging staging;
  staging.root_ = root_;
  staging.tmp_ = open_path(make_folder(root_, "tmp"), O_RDONLY | O_DIRECTORY);
  const std::string name = cat("import-", random_name());
  // The lock first: a folder without one is debris to everybody else.
  staging.lock_ = FileLock::wait(staging.tmp_.get(), cat(name, ".lock"), FileLock::Mode::exclusive);
  staging.name_ = name;
  if (::mkdirat(staging.tmp_.get(), name.c_str(), 0700) < 0)
    throw system_error(cat("mkdir ", staging.path()));
  staging.dir_ = open_at(staging.tmp_.get(), name, O_RDONLY | O_DIRECTORY);
  return staging;
}

void Store::commit(Staging staging, const spec::Reference& reference) const {
  // All of it is on the disk before it gets its name: after a power cut there is the old image or the new
  // one.
  if (::syncfs(staging.fd()) < 0) throw system_error(cat("sync ", staging.path()));
  const std::string parent = cat(root_, "/images/", reference.directory()),
                    target = image_directory(reference);
  std::string fresh = staging.path();
  std::string replaced;
  {
    const FileLock lock = this->lock(reference, FileLock::Mode::exclusive);
    make_folder(root_, cat("images/", reference.directory()));
    if (exists(target)) {
      const auto old = live_generation(reference);
      const bool keep = old && !users(*old).empty();
      if (keep) {
        // The exchange leaves the old one where the new one was: that has to be its place already.
        const std::string place = cat(make_folder(root_, "generations"), "/", *old);
        if (exists(place)) discard(place);
        move_to(fresh, place);
        fresh = place;
      }
      if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) < 0) {
        if (errno != EINVAL && errno != ENOSYS) throw system_error(cat("exchange ", fresh, " and ", target));
        // A file system that can't exchange (NFS): between the two steps there is no image, but never half of
        // one.
        const std::string aside = cat(root_, "/tmp/old-", random_name());
        move_to(target, aside);
        move_to(fresh, target);
        move_to(aside, fresh);
      }
      if (!keep) replaced = fresh;
    } else if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) < 0) {
      throw system_error(cat("rename ", fresh, " to ", target));
    }
    fsync_directory(parent);
  }
  ::unlinkat(staging.tmp_.get(), cat(staging.name_, ".lock").c_str(), 0);
  staging.name_.clear();
  if (!replaced.empty()) discard(replaced);
}

std::size_t Store::remove(const spec::Reference& reference) const {
  const FileLock lock = this->lock(reference, FileLock::Mode::exclusive);
  const std::string target = image_directory(reference);
  if (!exists(target)) throw Error(cat("Image not found: ", reference.text()));
  const auto generation = live_generation(reference);
  const std::size_t used_by = generation ? users(*generation).size() : 0;
  if (used_by != 0) {
    const std::string place = cat(make_folder(root_, "generations"), "/", *generation);
    if (exists(place)) discard(place);
    move_to(target, place);
  } else {
    discard(target);
  }
  ::rmdir(cat(root_, "/images/", reference.directory()).c_str());
  return used_by;
}

void Store::discard(const std::string& path) const {
  const std::string tmp = make_folder(root_, "tmp"), name = cat("trash-", random_name());
  move_to(path, cat(tmp, "/", name));
  remove_in_background(tmp, name);
}

std::vector<std::string> Store::prune() const {
  std::vector<std::string> removed;
  const std::string tmp = cat(root_, "/tmp");
  if (!is_directory(root_)) return removed;
  if (is_directory(tmp)) {
    const UniqueFd dir = open_path(tmp, O_RDONLY | O_DIRECTORY);
    for (const auto& name : names_in(tmp)) {
      const bool is_lock = name.ends_with(".lock");
      const std::string lock_name = is_lock ? name : cat(name, ".lock");
      const FileLock lock = FileLock::attempt(dir.get(), lock_name, FileLock::Mode::exclusive);
      if (!lock) continue;  // its maker lives
      if (!is_lock) {
        remove_tree(dir.get(), name);
        removed.push_back(cat("tmp/", name));
      }
      if (!is_lock || !exists(cat(tmp, "/", name.substr(0, name.size() - 5)))) {
        ::unlinkat(dir.get(), lock_name.c_str(), 0);
      }
    }
  }
  for (const auto& generation : names_in(cat(root_, "/references"))) {
    const std::string folder = cat(root_, "/references/", generation);
    for (const auto& key : names_in(folder)) {
      const std::string file = cat(folder, "/", key);
      const auto bundle = read_file_if_exists(AT_FDCWD, file, most_json);
      if (!bundle || is_directory(*bundle)) continue;
      if (::unlink(file.c_str()) == 0) removed.push_back(cat("references/", generation, "/", key));
    }
    ::rmdir(folder.c_str());
  }
  for (const auto& generation : names_in(cat(root_, "/generations"))) {
    const std::string kept = cat(root_, "/generations/", generation);
    spec::Reference reference;
    try {
      const std::string file = cat(kept, "/image.json");
      reference = spec::parse_image_record(read_file(file, most_json), file).reference();
      reference = spec::Reference::parse(reference.text());
    } catch (const Error&) {
      // Nobody can tell whose it was: then nobody can use it either.
      reference = {};
    }
    const FileLock lock = this->lock(reference, FileLock::Mode::exclusive);
    drop_generation_if_unused(reference, generation);
    if (!exists(kept)) removed.push_back(cat("generations/", generation));
  }
  return removed;
}

}  // namespace rocker
