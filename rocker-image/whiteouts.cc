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
  // It hides what is below this layer, not what this layer has put there itself.
  if (placed_.contains(place(inode_of(dir.get()), hidden))) {
    if (UniqueFd inside = open_without_links(dir.get(), hidden, O_RDONLY)) {
      const auto inode = inode_of(inside.get());
      remove_lower(std::move(inside), inode);
    } else if (errno != ELOOP && errno != ENOTDIR && errno != ENOENT) {
      throw system_error(cat("open ", printable(hidden)));
    }
  } else {
    remove_tree(dir.get(), hidden);
  }
  open_.clear();
  return true;
}

void Extractor::make_opaque(const Path& directory) {
  UniqueFd dir = open_without_links(root_, join(directory, "/"), O_RDONLY);
  if (!dir) {
    if (errno == ELOOP) {
      ++tally_.whiteouts_ignored;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      throw system_error("open the directory of an opaque whiteout");
    }
    return;
  }
  if (lowest_) return;
  const auto inode = inode_of(dir.get());
  remove_lower(std::move(dir), inode);
  open_.clear();
}

// Everything in the directory that this layer has not put there. A directory of this layer's may hold both.
// One descriptor for all levels, and back by "..".
void Extractor::remove_lower(UniqueFd dir, std::uint64_t inode) {
  struct Level {
    std::uint64_t inode;
    std::vector<std::string> names;
  };
  std::vector<Level> levels;
  levels.push_back({inode, names_in_folder(dir.get())});
  while (!levels.empty()) {
    cancel_.throw_if_set();
    Level& here = levels.back();
    if (here.names.empty()) {
      levels.pop_back();
      if (!levels.empty()) dir = open_at(dir.get(), "..", O_RDONLY | O_DIRECTORY);
      continue;
    }
    const std::string name = std::move(here.names.back());
    here.names.pop_back();
    if (!placed_.contains(place(here.inode, name))) {
      remove_tree(dir.get(), name);
    } else if (UniqueFd inside = open_without_links(dir.get(), name, O_RDONLY)) {
      const auto inside_inode = inode_of(inside.get());
      levels.push_back({inside_inode, names_in_folder(inside.get())});
      dir = std::move(inside);
    } else if (errno != ELOOP && errno != ENOTDIR && errno != ENOENT) {
      throw system_error(cat("open ", printable(name)));
    }
  }
}

}  // namespace rocker
