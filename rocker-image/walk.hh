// A tree of files, visited in the order of the names (bytewise), by descriptors and without following a link.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/support/fd.hh"

namespace rocker {

struct Node {
  int parent = -1;   // descriptor of the directory that it is in; -1 for the root
  std::string name;  // in it; "." for the root
  std::string path;  // from the root, without a slash in front; "" for the root
  struct stat st {};
  int handle = -1;  // O_PATH, where the directory is closed to its owner: no call finds the name there
  int lock = -1;    // for closed.hh
};

class TreeVisitor {
 public:
  TreeVisitor() = default;
  TreeVisitor(const TreeVisitor&) = delete;
  TreeVisitor& operator=(const TreeVisitor&) = delete;
  virtual ~TreeVisitor() = default;
  virtual void enter(const Node&, int /*directory_fd*/) {}  // a directory, before what is in it
  virtual void leave(const Node&, int /*directory_fd*/) {}  // and after
  virtual void leaf(const Node&) {}                         // everything else

  // What is known of a regular file by what its directory says of its inode: it is not asked for then. The
  // type of the file, and all else that leaf() wants of it.
  virtual bool recall(std::uint64_t /*inode*/, struct stat&) { return false; }
};

// However deep the tree is, no more than a hundred descriptors are open, the stack does not grow, and one
// path is held. The node is the visitor's for the length of a call. Without root, what is the caller's own
// and closed to him is visited as well; others who walk the same tree meanwhile see no mode but the real one,
// since root_fd is locked (flock(2)) while one is changed or looked at. Throws Error.
void walk(int root_fd, TreeVisitor& visitor);

// The file, also one that is closed to its owner. Throws Error with its path.
UniqueFd open_node(const Node& node, int flags);

// The names in a directory, sorted, without "." and "..". Errors have no path.
std::vector<std::string> names_in_folder(int dir_fd, int lock = -1);

// Which mount a file is of; nothing before Linux 5.8.
std::optional<std::uint64_t> mount_id_of(int fd);

// A symbolic link's target.
std::string read_link_at(int dir_fd, const std::string& name);
std::string read_link(const Node& node);

}  // namespace rocker
