// diff: what a container has added to its image, changed and deleted.
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/config.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

namespace {

// overlayfs.rst: a deleted name is a character device 0:0; a folder that hides the one below has an
// attribute.
bool is_whiteout(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

bool is_opaque(const char* path) {
  char value = 0;
  return ::lgetxattr(path, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

// The lines of diff. What the runtime has made to mount something on is not the container's doing: it is left
// out, with the folders that it was made in.
class Listing {
 public:
  explicit Listing(const spec::Config& config) {
    for (const auto& mount : config.mounts) targets_.push_back(mount.destination);
  }

  // `lower`: what the image has of that path, or null. `replaced`: a folder that hides the image's.
  void add(const std::string& path, const struct stat& st, bool replaced, const struct stat* lower) {
    const std::string_view what = is_whiteout(st) ? "D " : lower != nullptr && !replaced ? "C " : "A ";
    const bool target = leads_to_target(path);
    if (S_ISDIR(st.st_mode)) {
      const bool touched = lower != nullptr && (replaced || lower->st_mode != st.st_mode ||
                                                lower->st_uid != st.st_uid || lower->st_gid != st.st_gid);
      folders_.push_back(!target || touched);
    } else if (target && lower == nullptr && st.st_size == 0) {
      return;
    } else if (!folders_.empty()) {
      folders_.back() = true;
    }
    lines_.push_back(cat(what, path, "\n"));
  }

  // All that is in the folder that was added last has been added.
  void leave() {
    const bool kept = folders_.back();
    folders_.pop_back();
    if (!kept) {
      lines_.pop_back();
    } else if (!folders_.empty()) {
      folders_.back() = true;
    }
  }

  std::string text() const { return join(lines_, ""); }

 private:
  bool leads_to_target(const std::string& path) const {
    return std::any_of(targets_.begin(), targets_.end(), [&](const std::string& target) {
      return target.starts_with(path) && (target.size() == path.size() || target[path.size()] == '/');
    });
  }

  std::vector<std::string> targets_, lines_;
  std::vector<bool> folders_;  // those that we are in; whether their line is kept
};

}  // namespace

int diff(const Room& room, Args args) {
  if (args.size() != 1) throw Error("diff: expected one container");
  const Facts facts = find(room, args[0]);
  const std::string dir = room.registry.directory(facts.id);
  const Image image = [&] {
    const auto record = bundle::load_record(dir);
    return room.store.find_generation(record.image, record.generation);
  }();
  const std::string upper = cat(dir, "/overlay/upper");
  if (::access(upper.c_str(), F_OK) != 0)
    throw Error(cat("diff: container ", facts.name, " is a copy of its image, not a layer on it"));
  std::string root = upper;
  char* roots[] = {root.data(), nullptr};
  const auto by_name = [](const FTSENT** a, const FTSENT** b) {
    return std::string_view((*a)->fts_name).compare((*b)->fts_name);
  };
  const std::unique_ptr<FTS, int (*)(FTS*)> walk(
      ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name), ::fts_close);
  if (!walk) throw system_error(upper);
  const UniqueFd below = open_path(image.rootfs(), O_PATH | O_DIRECTORY);
  Listing listing(spec::load_config(dir));
  while (const FTSENT* entry = ::fts_read(walk.get())) {
    if (entry->fts_level == 0) continue;
    const bool lost = entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR;
    // A container that runs may take a name away while it is looked at.
    if (lost && entry->fts_errno != ENOENT) throw system_error(entry->fts_path, entry->fts_errno);
    if (entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR) listing.leave();
    if (lost || entry->fts_info == FTS_DP) continue;
    const std::string path = std::string(entry->fts_path).substr(upper.size());
    struct stat lower {};
    const bool was = ::fstatat(below.get(), path.c_str() + 1, &lower, AT_SYMLINK_NOFOLLOW) == 0;
    const bool replaced = entry->fts_info == FTS_D && is_opaque(entry->fts_accpath);
    if (was || !is_whiteout(*entry->fts_statp))
      listing.add(path, *entry->fts_statp, replaced, was ? &lower : nullptr);
  }
  print(listing.text());
  return 0;
}

}  // namespace rocker::verbs
