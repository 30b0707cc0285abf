#include "rocker-image/walk.hh"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::size_t most_open = 64;

struct Level {
  UniqueFd fd;  // of deep trees only the lowest levels' are open; the others are found again by ".."
  std::vector<std::string> names;
  std::size_t next = 0;
  std::string name;
  std::size_t path_length = 0;
  struct stat st {};
};

UniqueFd open_directory(int dir_fd, const char* name) {
  UniqueFd fd(::openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw system_error(cat("open directory ", printable(name)));
  return fd;
}

}  // namespace

std::vector<std::string> names_in_folder(int dir_fd) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  UniqueFd own = open_directory(dir_fd, ".");
  const std::unique_ptr<DIR, Close> dir(::fdopendir(own.get()));
  if (!dir) throw system_error("open directory");
  own.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw system_error("read directory");
  std::sort(names.begin(), names.end());
  return names;
}

void walk(int root_fd, TreeVisitor& visitor) {
  std::vector<Level> levels;
  // One for all: a path a level would be quadratic in the depth.
  Node node;
  const auto descend = [&](UniqueFd fd) {
    visitor.enter(node, fd.get());
    if (levels.size() >= most_open) levels.back().fd.reset();
    auto names = names_in_folder(fd.get());
    levels.push_back({std::move(fd), std::move(names), 0, node.name, node.path.size(), node.st});
  };
  {
    UniqueFd fd = open_directory(root_fd, ".");
    node.name.assign(1, '.');
    if (::fstat(fd.get(), &node.st) < 0) throw system_error("stat");
    descend(std::move(fd));
  }
  while (!levels.empty()) {
    Level& here = levels.back();
    node.path.resize(here.path_length);
    if (here.next == here.names.size()) {
      Level done = std::move(here);
      levels.pop_back();
      if (!levels.empty() && !levels.back().fd) levels.back().fd = open_directory(done.fd.get(), "..");
      node.parent = levels.empty() ? -1 : levels.back().fd.get();
      node.name = std::move(done.name);
      node.st = done.st;
      visitor.leave(node, done.fd.get());
      continue;
    }
    node.parent = here.fd.get();
    node.name = std::move(here.names[here.next++]);
    if (!node.path.empty()) node.path += '/';
    node.path += node.name;
    if (::fstatat(node.parent, node.name.c_str(), &node.st, AT_SYMLINK_NOFOLLOW) < 0) {
      throw system_error(cat("stat ", printable(node.path)));
    }
    if (S_ISDIR(node.st.st_mode)) {
      descend(open_directory(node.parent, node.name.c_str()));
    } else {
      visitor.leaf(node);
    }
  }
}

std::optional<std::uint64_t> mount_id_of(int fd) {
  struct statx st {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || (st.stx_mask & STATX_MNT_ID) == 0) return {};
  return st.stx_mnt_id;
}

std::string read_link_at(int dir_fd, const std::string& name) {
  std::string target(256, '\0');
  for (;;) {
    const ssize_t length = ::readlinkat(dir_fd, name.c_str(), target.data(), target.size());
    if (length < 0) throw system_error(cat("read link ", printable(name)));
    if (static_cast<std::size_t>(length) < target.size()) {
      target.resize(static_cast<std::size_t>(length));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

}  // namespace rocker
