// A folder on the disk as a source of entries: what `import DIRECTORY` copies.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rocker-image/archive.hh"
#include "spec/support/fd.hh"

namespace rocker {

class FolderSource : public EntrySource {
 public:
  // root_fd is borrowed. What is mounted below the folder is left out, also what is of the same file system
  // (a bind mount) or a single file: /proc is no part of a root file system, nor is the host's resolv.conf.
  // So is the directory `left_out`, when it is there: the store, which would copy itself into itself.
  explicit FolderSource(int root_fd, const std::string& left_out = {});
  bool next(Entry& entry) override;
  bool data(Chunk& chunk) override;

  // What of the folder is not even looked at, by its path.
  void exclude(std::function<bool(const std::string& path)> excluded) { excluded_ = std::move(excluded); }

  std::size_t mounts() const { return mounts_; }  // that were left out so far

 private:
  struct Level {
    UniqueFd fd;
    std::vector<std::string> names;
    std::size_t at = 0;
    std::string path;
  };
  bool describe(int dir_fd, const std::string& name, const std::string& path, Entry& entry);

  bool is_mounted(int fd, const struct stat& st) const;

  int root_;
  dev_t device_ = 0;
  std::optional<std::uint64_t> mount_;  // Linux 5.8
  std::size_t mounts_ = 0;
  dev_t left_out_device_ = 0;
  ino_t left_out_inode_ = 0;
  bool started_ = false;
  std::vector<Level> levels_;
  // Inodes with several names: the first. An overlay's are of the layers that they come from.
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::function<bool(const std::string&)> excluded_;
  UniqueFd file_;
  std::uint64_t offset_ = 0, size_ = 0;
};

}  // namespace rocker
