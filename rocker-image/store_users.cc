// Who uses which generation of an image: references, readers, and what is kept for them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/closed.hh"
#include "rocker-image/store.hh"
#include "rocker-image/store_folders.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker {

using namespace store_folders;

static std::string bundle_key(const std::string& bundle_dir) {
  return hexadecimal(sip_hash_13(bundle_dir), 16);
}

Image Store::use(std::string_view text, const std::string& bundle_dir,
                 const std::function<void(const Image&)>& note) const {
  const auto reference = resolve(text);
  const FileLock lock = this->lock(reference, FileLock::Mode::shared);
  Image image = load(reference, image_directory(reference));
  check_rootfs(image);
  note(image);
  const std::string folder = cat(make_folder(root_, "references"), "/", image.generation());
  // Somebody who prunes takes away a folder that is empty, perhaps just now.
  for (int tries = 0;; ++tries) {
    try {
      make_directories(folder, 0700);
      const UniqueFd dir = open_path(folder, O_RDONLY | O_DIRECTORY);
      replace_file(dir.get(), bundle_key(bundle_dir), BundlePlace::of(bundle_dir).text(), 0600);
      return image;
    } catch (const Error& error) {
      if (error.errno_value() != ENOENT || tries == 16) throw;
    }
  }
}

Reading Store::read(std::string_view text) const {
  const auto reference = resolve(text);
  FileLock lock;
  try {
    lock = this->lock(reference, FileLock::Mode::shared);
  } catch (const Error& error) {
    // Who may not write here may read.
    if (error.errno_value() != EROFS && error.errno_value() != EACCES) throw;
  }
  Reading reading(*this);
  reading.image_ = load(reference, image_directory(reference));
  reading.dir_ = open_path(reading.image_.directory, O_RDONLY | O_DIRECTORY);
  reading.lock_ = FileLock::share(reading.dir_.get(), "image.json");
  return reading;
}

UniqueFd Reading::rootfs() const {
  UniqueFd fd = open_closed(dir_.get(), "rootfs", O_RDONLY | O_DIRECTORY);
  if (!fd) {
    const int why = errno;
    store_.check_rootfs(image_);
    throw system_error(cat("open ", image_.rootfs()), why);
  }
  return fd;
}

Reading::~Reading() {
  if (!dir_) return;
  lock_.release();
  try {
    // As a rule nothing has become of the name, and nobody has to wait for us.
    {
      const FileLock lock = store_.lock(image_.reference, FileLock::Mode::shared);
      if (!exists(cat(store_.root_, "/generations/", image_.generation()))) return;
    }
    const FileLock lock = store_.lock(image_.reference, FileLock::Mode::exclusive);
    store_.drop_generation_if_unused(image_.reference, image_.generation());
  } catch (const std::exception&) {
    // prune() finds it.
  }
}

// Called with the image's lock held: nobody begins to read meanwhile.
bool Store::in_use(const std::string& directory, const std::string& generation) const {
  return !users(generation).empty() || FileLock::is_held(AT_FDCWD, cat(directory, "/image.json"));
}

Store::Users Store::count_users(const std::string& directory, const std::string& generation) const {
  Users count;
  const std::string containers = cat(root_, "/containers/");
  for (const auto& user : users(generation))
    ++(user.starts_with(containers) ? count.containers : count.bundles);
  count.readers = FileLock::is_held(AT_FDCWD, cat(directory, "/image.json"));
  return count;
}

std::vector<std::string> Store::users(const std::string& generation) const {
  std::vector<std::string> bundles;
  const std::string folder = cat(root_, "/references/", generation);
  for (const auto& key : names_in(folder)) {
    const auto text = read_regular_if_exists(AT_FDCWD, cat(folder, "/", key), most_json);
    if (!text) continue;
    auto bundle = BundlePlace::parse(*text);
    if (!bundle.is_gone()) bundles.push_back(std::move(bundle.directory));
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
      auto text = read_regular_if_exists(AT_FDCWD, file, most_json);
      if (text) records.push_back(spec::parse_image_record(std::move(*text), file));
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
        .hint("it was deleted by hand, or the bundle was moved; make the bundle again from an image");
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
  if (!whole || !in_use(kept, generation)) discard(kept);
}

}  // namespace rocker
