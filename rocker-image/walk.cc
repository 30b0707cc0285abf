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
  Node node;
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
  const auto descend = [&](UniqueFd fd, Node node) {
    visitor.enter(node, fd.get());
    if (levels.size() >= most_open) levels.back().fd.reset();
    auto names = names_in_folder(fd.get());
    levels.push_back({std::move(fd), std::move(names), 0, std::move(node)});
  };
  {
    UniqueFd fd = open_directory(root_fd, ".");
    Node root;
    root.name = ".";
    if (::fstat(fd.get(), &root.st) < 0) throw system_error("stat");
    descend(std::move(fd), std::move(root));
  }
  while (!levels.empty()) {
    Level& here = levels.back();
    if (here.next == here.names.size()) {
      Level done = std::move(here);
      levels.pop_back();
      if (!levels.empty() && !levels.back().fd) levels.back().fd = open_directory(done.fd.get(), "..");
      done.node.parent = levels.empty() ? -1 : levels.back().fd.get();
      visitor.leave(done.node, done.fd.get());
      continue;
    }
    Node node;
    node.parent = here.fd.get();
    node.name = std::move(here.names[here.next++]);
    node.path = here.node.path.empty() ? node.name : cat(here.node.path, "/", node.name);
    if (::fstatat(node.parent, node.name.c_str(), &node.st, AT_SYMLINK_NOFOLLOW) < 0) {
      throw system_error(cat("stat ", printable(node.path)));
    }
    if (S_ISDIR(node.st.st_mode)) {
      UniqueFd fd = open_directory(node.parent, node.name.c_str());
      descend(std::move(fd), std::move(node));
    } else {
      visitor.leaf(node);
    }
  }
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
