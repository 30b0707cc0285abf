// Whiteouts: how a layer takes away what lies below it (image-spec layer.md, "Whiteouts").
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rocker-image/extract.hh"
#include "rocker-image/walk.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::string_view prefix = ".wh.";
constexpr std::string_view opaque = ".wh..wh..opq";
constexpr std::string_view aufs_prefix = ".wh..wh.";

// A directory below the root by a path without any link in it: what a whiteout removes is where it says, and
// nowhere else.
UniqueFd open_without_links(int root_fd, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(static_cast<unsigned>(flags | O_DIRECTORY | O_CLOEXEC));
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, root_fd, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

}  // namespace

bool Extractor::whiteout(const Path& path) {
  const std::string& name = path.back();
  if (!name.starts_with(prefix)) return false;
  if (name == opaque) {
    make_opaque({path.begin(), path.end() - 1});
    return true;
  }
  if (name.starts_with(aufs_prefix)) {
    ++tally_.whiteouts_ignored;
    return true;
  }
  const std::string hidden = name.substr(prefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..") throw Error("is a whiteout for no name");
  const UniqueFd dir = open_without_links(root_, join({path.begin(), path.end() - 1}, "/"), O_RDONLY);
  if (!dir) {
    if (errno == ELOOP) {
      ++tally_.whiteouts_ignored;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      throw system_error("open the directory of a whiteout");
    }
    return true;
  }
  if (lowest_) return true;
  struct stat st {};
  if (::fstat(dir.get(), &st) < 0) throw system_error("stat");
  // It hides what is below this layer, not what this layer has put there itself.
  if (placed_.contains(sip_hash_13(cat(st.st_ino, "/", hidden)))) {
    const UniqueFd inside = open_without_links(dir.get(), hidden, O_RDONLY);
    if (inside && ::fstat(inside.get(), &st) == 0) remove_lower(inside.get(), st.st_ino);
  } else {
    remove_tree(dir.get(), hidden);
  }
  open_.clear();
  return true;
}

void Extractor::make_opaque(const Path& directory) {
  const UniqueFd dir = open_without_links(root_, join(directory, "/"), O_RDONLY);
  if (!dir) {
    if (errno == ELOOP) {
      ++tally_.whiteouts_ignored;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      throw system_error("open the directory of an opaque whiteout");
    }
    return;
  }
  if (lowest_) return;
  struct stat st {};
  if (::fstat(dir.get(), &st) < 0) throw system_error("stat");
  remove_lower(dir.get(), st.st_ino);
  open_.clear();
}

// Everything in the directory that this layer has not put there. A directory of this layer's may hold both:
// how deep that goes is how deep this layer has made directories in a name, which is bounded by the length of
// a path.
void Extractor::remove_lower(int dir_fd, std::uint64_t dir_inode) {
  for (const auto& name : names_in_folder(dir_fd)) {
    if (!placed_.contains(sip_hash_13(cat(dir_inode, "/", name)))) {
      remove_tree(dir_fd, name);
      continue;
    }
    const UniqueFd inside(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {};
    if (inside && ::fstat(inside.get(), &st) == 0) remove_lower(inside.get(), st.st_ino);
  }
}

}  // namespace rocker
