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
#include "spec/support/units.hh"

namespace rocker {

// As many symbolic links as the kernel follows on one path (path_resolution(7)).
static constexpr int most_passes = 40;
// What waits for its target is in memory: a hundred thousand links with short names have 17 MiB.
static constexpr std::size_t most_pending = std::size_t{20} << 20;
static constexpr std::size_t pending_overhead = 160;  // of the two maps, for each

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
    put_off_hardlink(join_path(path, path.size()), join_path(target, target.size()), at);
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

void Extractor::put_off_hardlink(const std::string& path, const std::string& target, std::uint64_t place) {
  pending_bytes_ += path.size() + target.size() + pending_overhead;
  if (pending_bytes_ > most_pending) {
    throw Error(cat("more than ", format_size(most_pending), " of hard links wait for what comes after them"))
        .hint("put each file before the links to it");
  }
  pending_places_.insert_or_assign(place, pending_.insert_or_assign(path, Pending{target, place}).first);
}

Extractor::PendingLinks::iterator Extractor::forget_pending(PendingLinks::iterator link) {
  pending_bytes_ -= link->first.size() + link->second.target.size() + pending_overhead;
  pending_places_.erase(link->second.place);
  return pending_.erase(link);
}

// A later entry has the name, or a directory on the way to it: the last entry of a name counts.
void Extractor::supersede_pending(const Directory& parent, const Path& path, bool is_directory) {
  if (pending_.empty()) return;
  // By its place: the same name can be written in several ways, through links.
  if (const auto same = pending_places_.find(place(parent.inode, path.back()));
      same != pending_places_.end()) {
    forget_pending(same->second);
  }
  if (is_directory) return;
  const std::string name = join_path(path, path.size()), below = name + '/';
  if (const auto same = pending_.find(name); same != pending_.end()) forget_pending(same);
  for (auto it = pending_.lower_bound(below); it != pending_.end() && it->first.starts_with(below);)
    it = forget_pending(it);
}

// A link may wait for another one: each is tried when it may succeed, so that a long chain takes no longer
// than as many links to one file.
void Extractor::link_pending() {
  using Waiting = PendingLinks::iterator;
  std::vector<Waiting> todo;
  for (auto it = pending_.begin(); it != pending_.end(); ++it) todo.push_back(it);
  std::unordered_map<std::uint64_t, std::vector<Waiting>> waiting;  // by the place of the target
  const auto settle = [&](Waiting first, std::vector<Waiting>& homeless) {
    std::vector<Waiting> ready{first};
    while (!ready.empty()) {
      cancel_.throw_if_set();
      const Waiting link = ready.back();
      ready.pop_back();
      const Path path = safe_components(link->first);
      const Directory& parent = parent_of(path);
      const std::uint64_t here = place(parent.inode, path.back());
      std::uint64_t waits_for = 0;
      if (!make_hardlink(parent, path.back(), safe_components(link->second.target), &waits_for)) {
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
  pending_bytes_ = 0;
  if (pending_.empty()) return;
  const auto& [path, link] = *pending_.begin();
  throw Error(cat("entry \"", printable(path), "\": is a hard link to \"", printable(link.target),
                  "\", which is not in the archive"));
}

}  // namespace rocker
