// How images come and go: staged, committed, removed, and what crashes have left.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rocker-image/background.hh"
#include "rocker-image/store.hh"
#include "rocker-image/store_folders.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

using namespace store_folders;

namespace {

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
      const bool keep = old && in_use(target, *old);
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
    } else {
      // Whoever removes the last other tag of the name takes its folder away, perhaps just now.
      for (int tries = 0;
           ::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) < 0; ++tries) {
        if (errno != ENOENT || tries == 16) throw system_error(cat("rename ", fresh, " to ", target));
        make_folder(root_, cat("images/", reference.directory()));
      }
    }
    fsync_directory(parent);
  }
  // While its lock is there, nobody who prunes takes it for debris.
  if (!replaced.empty()) discard(replaced);
  ::unlinkat(staging.tmp_.get(), cat(staging.name_, ".lock").c_str(), 0);
  staging.name_.clear();
}

Store::Users Store::remove(const spec::Reference& reference) const {
  const FileLock lock = this->lock(reference, FileLock::Mode::exclusive);
  const std::string target = image_directory(reference);
  if (!exists(target)) throw Error(cat("Image not found: ", reference.text()));
  const auto generation = live_generation(reference);
  const Users used_by = generation ? count_users(target, *generation) : Users();
  if (used_by.bundles + used_by.containers != 0 || used_by.readers) {
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

std::vector<std::string> Store::prune(Deletion deletion) const {
  std::vector<std::string> removed;
  const std::string tmp = cat(root_, "/tmp");
  if (!is_directory(root_)) return removed;
  if (is_directory(tmp)) {
    const UniqueFd dir = open_path(tmp, O_RDONLY | O_DIRECTORY);
    for (const auto& name : names_in(tmp)) {
      const bool is_lock = name.ends_with(".lock");
      const std::string lock_name = is_lock ? name : cat(name, ".lock");
      FileLock lock = FileLock::attempt(dir.get(), lock_name, FileLock::Mode::exclusive);
      if (!lock) continue;  // its maker lives
      if (!is_lock) {
        removed.push_back(cat("tmp/", name));
        if (deletion == Deletion::in_background) {
          lock.release();
          remove_in_background(tmp, name);
          continue;
        }
        remove_tree(dir.get(), name);
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
      std::optional<std::string> text;
      try {
        text = read_regular_if_exists(AT_FDCWD, file, most_json);
      } catch (const Error&) {
        text.emplace();  // no reference of ours
      }
      if (!text || !BundlePlace::parse(*text).is_gone()) continue;
      if (::unlink(file.c_str()) == 0) removed.push_back(cat("references/", generation, "/", key));
    }
    ::rmdir(folder.c_str());
  }
  for (const auto& generation : names_in(cat(root_, "/generations"))) {
    const std::string kept = cat(root_, "/generations/", generation);
    spec::Reference reference;
    try {
      const std::string file = cat(kept, "/image.json");
      auto text = read_regular_if_exists(AT_FDCWD, file, most_json);
      if (!text) throw Error(cat(file, ": is missing"));
      reference = spec::parse_image_record(std::move(*text), file).reference();
      reference = spec::Reference::parse(reference.text());
    } catch (const Error&) {
      // Nobody can tell whose it was: then nobody can use it either.
      reference = {};
    }
    const UniqueFd locks = open_path(make_folder(root_, "locks"), O_PATH | O_DIRECTORY);
    const FileLock lock = FileLock::attempt(locks.get(), reference.id(), FileLock::Mode::exclusive);
    if (!lock) continue;  // somebody is at it, who cleans up as well
    drop_generation_if_unused(reference, generation);
    if (!exists(kept)) removed.push_back(cat("generations/", generation));
  }
  return removed;
}

}  // namespace rocker
