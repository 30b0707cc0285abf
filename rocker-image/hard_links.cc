// Hard links, also to what comes later.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/extract.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker {

// As many symbolic links as the kernel follows on one path (path_resolution(7)).
static constexpr int most_passes = 40;

void Extractor::add_hardlink(const Path& path, const Entry& entry, EntrySource& source) {
  Path target = safe_components(entry.target);
  if (auto kept = stripped(entry.target)) target = std::move(*kept);
  if (target.empty()) throw Error("is a hard link to a directory");
  if (target == path) return;  // to itself: it is there or it is not
  const Directory& parent = parent_of(path);
  const std::string& name = path.back();
  supersede_pending(parent, path, false);
  const std::uint64_t at = place(parent.inode, name);
  if (!make_hardlink(parent, name, target)) {
    pending_.insert_or_assign(path, Pending{target, at});
    pending_places_.insert_or_assign(at, path);
    return;
  }
  if (entry.size == 0) return;
  // cpio has the content with the last of the names.
  // A device would be written to, and a FIFO would wait for its reader.
  struct stat st {};
  if (::fstatat(parent.fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) throw system_error("stat");
  if (!S_ISREG(st.st_mode)) throw Error("has content, but is a hard link to what is no regular file");
  // Not by O_TRUNC: the content before this one may still be on its way there.
  copy_content(content_.begin(open_at(parent.fd.get(), name, O_WRONLY | O_NOFOLLOW), entry.path,
                              entry.attributes, entry.size, true),
               source);
}

// False when the target is not there (yet). waits_for is its place then, or 0 when its directory isn't there
// either.
bool Extractor::make_hardlink(const Directory& parent, const std::string& name, const Path& target,
                              std::uint64_t* waits_for) {
  const UniqueFd from =
      try_open_in_root(root_, join({target.begin(), target.end() - 1}, "/"), O_PATH | O_DIRECTORY);
  if (!from) {
    if (errno == ENOENT) return false;
    throw system_error(cat("link to \"", printable(join(target, "/")), "\""));
  }
  const std::string& target_name = target.back();
  struct stat st {
  }, old{};
  if (::fstatat(from.get(), target_name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT) throw system_error("stat");
    if (waits_for != nullptr) {
      if (::fstat(from.get(), &st) < 0) throw system_error("stat");
      *waits_for = place(st.st_ino, target_name);
    }
    return false;
  }
  if (S_ISDIR(st.st_mode)) throw Error("is a hard link to a directory");
  if (::fstatat(parent.fd.get(), name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0) {
    if (old.st_ino == st.st_ino) {
      note_placed(parent, name);
      return true;  // two names of one file by another way, or once more the same
    }
    clear_name(parent, name, false);
  }
  if (::linkat(from.get(), target_name.c_str(), parent.fd.get(), name.c_str(), 0) < 0) {
    if (errno == ENOENT) return false;  // it was in what had to make way
    throw system_error(cat("link to \"", printable(join(target, "/")), "\""));
  }
  hard_linked_.add(st.st_ino);
  note_placed(parent, name);
  return true;
}

// A later entry has the name, or a directory on the way to it: the last entry of a name counts.
void Extractor::supersede_pending(const Directory& parent, const Path& path, bool is_directory) {
  if (pending_.empty()) return;
  // By its place: the same name can be written in several ways, through links.
  if (const auto same = pending_places_.find(place(parent.inode, path.back()));
      same != pending_places_.end()) {
    pending_.erase(same->second);
    pending_places_.erase(same);
  }
  if (is_directory) return;
  for (auto it = pending_.lower_bound(path); it != pending_.end();) {
    const Path& waiting = it->first;
    if (waiting.size() < path.size() || !std::equal(path.begin(), path.end(), waiting.begin())) break;
    pending_places_.erase(it->second.place);
    it = pending_.erase(it);
  }
}

// A link may wait for another one: each is tried when it may succeed, so that a long chain takes no longer
// than as many links to one file.
void Extractor::link_pending() {
  using Waiting = std::map<Path, Pending>::iterator;
  std::vector<Waiting> todo;
  for (auto it = pending_.begin(); it != pending_.end(); ++it) todo.push_back(it);
  std::unordered_map<std::uint64_t, std::vector<Waiting>> waiting;  // by the place of the target
  const auto settle = [&](Waiting first, std::vector<Waiting>& homeless) {
    std::vector<Waiting> ready{first};
    while (!ready.empty()) {
      cancel_.throw_if_set();
      const Waiting link = ready.back();
      ready.pop_back();
      const Path& path = link->first;
      const Directory& parent = parent_of(path);
      const std::uint64_t here = place(parent.inode, path.back());
      std::uint64_t waits_for = 0;
      if (!make_hardlink(parent, path.back(), link->second.target, &waits_for)) {
        (waits_for != 0 ? waiting[waits_for] : homeless).push_back(link);
        continue;
      }
      if (const auto found = waiting.find(here); found != waiting.end()) {
        ready.insert(ready.end(), found->second.begin(), found->second.end());
        waiting.erase(found);
      }
      pending_.erase(link);
    }
  };
  // A target's directory is made with another link, or is behind a link to a symbolic link: a few more
  // passes.
  for (int pass = 0; pass < most_passes && !todo.empty(); ++pass) {
    std::vector<Waiting> homeless;
    for (const auto& link : todo) settle(link, homeless);
    todo = std::move(homeless);
  }
  pending_places_.clear();
  if (pending_.empty()) return;
  const auto& [path, link] = *pending_.begin();
  throw Error(cat("entry \"", printable(join(path, "/")), "\": is a hard link to \"",
                  printable(join(link.target, "/")), "\", which is not in the archive"));
}

}  // namespace rocker
