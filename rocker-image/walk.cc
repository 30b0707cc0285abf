#include "rocker-image/walk.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "rocker-image/closed.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

struct Name {
  std::string text;
  std::uint64_t inode = 0;
  bool regular = false;  // as far as the directory says
};

struct Level {
  UniqueFd fd;  // of deep trees only the lowest levels' are open; the others are found again by ".."
  std::vector<Name> names;
  std::size_t next = 0;
  std::string name;
  std::size_t path_length = 0;
  struct stat st {};
};

UniqueFd open_directory(int dir_fd, const char* name, std::string_view path, int lock) {
  UniqueFd fd = open_closed(dir_fd, name, O_RDONLY | O_DIRECTORY, lock);
  if (!fd) throw system_error(cat("open directory ", printable(path.empty() ? "." : path)));
  return fd;
}

// Whoever opens a closed file holds the lock: its mode is another one for that time.
int stat_locked(const Node& node, struct stat& st) {
  if (node.lock >= 0) ::flock(node.lock, LOCK_SH);
  const int status = node.handle >= 0 ? ::fstat(node.handle, &st)
                                      : ::fstatat(node.parent, node.name.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  const int why = errno;
  if (node.lock >= 0) ::flock(node.lock, LOCK_UN);
  errno = why;
  return status;
}

std::vector<Name> read_folder(int dir_fd, int lock) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  UniqueFd own = open_closed(dir_fd, ".", O_RDONLY | O_DIRECTORY, lock);
  if (!own) throw system_error("open directory");
  const std::unique_ptr<DIR, Close> dir(::fdopendir(own.get()));
  if (!dir) throw system_error("open directory");
  own.release();
  std::vector<Name> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..")
      names.push_back({std::string(name), entry->d_ino, entry->d_type == DT_REG});
  }
  if (errno != 0) throw system_error("read directory");
  std::sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.text < b.text; });
  return names;
}

}  // namespace

std::vector<std::string> names_in_folder(int dir_fd, int lock) {
  std::vector<std::string> names;
  for (auto& name : read_folder(dir_fd, lock)) names.push_back(std::move(name.text));
  return names;
}

void walk(int root_fd, TreeVisitor& visitor) {
  const std::size_t most_open = share_of_descriptors(64);
  std::vector<Level> levels;
  // One for all: a path a level would be quadratic in the depth.
  Node node;
  UniqueFd handle;
  const auto descend = [&](UniqueFd fd) {
    visitor.enter(node, fd.get());
    if (levels.size() >= most_open) levels.back().fd.reset();
    auto names = with_context([&] { return printable(node.path.empty() ? "." : node.path); },
                              [&] { return read_folder(fd.get(), node.lock); });
    levels.push_back({std::move(fd), std::move(names), 0, node.name, node.path.size(), node.st});
  };
  {
    if (::geteuid() != 0) node.lock = root_fd;
    UniqueFd fd = open_directory(root_fd, ".", "", node.lock);
    node.name.assign(1, '.');
    node.handle = fd.get();
    if (stat_locked(node, node.st) < 0) throw system_error("stat");
    node.handle = -1;
    descend(std::move(fd));
  }
  while (!levels.empty()) {
    Level& here = levels.back();
    node.path.resize(here.path_length);
    if (here.next == here.names.size()) {
      Level done = std::move(here);
      levels.pop_back();
      if (!levels.empty() && !levels.back().fd)
        levels.back().fd = open_directory(done.fd.get(), "..", node.path, node.lock);
      node.handle = -1;
      node.parent = levels.empty() ? -1 : levels.back().fd.get();
      node.name = std::move(done.name);
      node.st = done.st;
      visitor.leave(node, done.fd.get());
      continue;
    }
    node.parent = here.fd.get();
    Name& name = here.names[here.next++];
    node.name = std::move(name.text);
    if (!node.path.empty()) node.path += '/';
    node.path += node.name;
    node.handle = -1;
    if (name.regular && visitor.recall(name.inode, node.st)) {
      visitor.leaf(node);
      continue;
    }
    int status = stat_locked(node, node.st);
    if (status < 0 && errno == EACCES) {
      handle = open_closed(node.parent, node.name.c_str(), O_PATH, node.lock);
      node.handle = handle.get();
      if (handle) status = stat_locked(node, node.st);
    }
    if (status < 0) throw system_error(cat("stat ", printable(node.path)));
    if (S_ISDIR(node.st.st_mode)) {
      descend(open_node(node, O_RDONLY | O_DIRECTORY));
    } else {
      visitor.leaf(node);
    }
  }
}

UniqueFd open_node(const Node& node, int flags) {
  UniqueFd fd = node.handle < 0         ? open_closed(node.parent, node.name.c_str(), flags, node.lock)
                : (flags & O_PATH) != 0 ? UniqueFd(::fcntl(node.handle, F_DUPFD_CLOEXEC, 0))
                                        : reopen_closed(node.handle, flags, node.lock);
  if (!fd) throw system_error(cat("open ", printable(node.path)));
  return fd;
}

std::string read_link(const Node& node) {
  return with_context([&] { return printable(node.path); },
                      [&] {
                        return node.handle >= 0 ? read_link_at(node.handle, "")
                                                : read_link_at(node.parent, node.name);
                      });
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
    if (length < 0) throw system_error(name.empty() ? "read link" : cat("read link ", printable(name)));
    if (static_cast<std::size_t>(length) < target.size()) {
      target.resize(static_cast<std::size_t>(length));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

}  // namespace rocker
