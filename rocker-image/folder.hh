// A folder on the disk as a source of entries: what `import DIRECTORY` copies.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "rocker-image/archive.hh"
#include "spec/support/fd.hh"

namespace rocker {

// The names in a directory, sorted.
std::vector<std::string> names_in_folder(int dir_fd);

class FolderSource : public EntrySource {
 public:
  explicit FolderSource(int root_fd);  // borrowed
  bool next(Entry& entry) override;
  bool data(Chunk& chunk) override;

 private:
  struct Level {
    UniqueFd fd;
    std::vector<std::string> names;
    std::size_t at = 0;
    std::string path;
  };
  bool describe(int dir_fd, const std::string& name, const std::string& path, Entry& entry);

  int root_;
  bool started_ = false;
  std::vector<Level> levels_;
  std::unordered_map<std::uint64_t, std::string> linked_;  // inodes with several names: the first
  UniqueFd file_;
  std::uint64_t offset_ = 0, size_ = 0;
};

}  // namespace rocker
