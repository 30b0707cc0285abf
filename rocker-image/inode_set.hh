// Inodes that have something about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>

namespace rocker {

// However many there are, it takes no more than some megabytes: beyond that it says yes to all, which for
// "look at it" is right and only slower.
class InodeSet {
 public:
  explicit InodeSet(std::size_t most = 262144) : most_(most) {}
  void add(std::uint64_t inode) {
    if (!all_ && inodes_.size() < most_) {
      inodes_.insert(inode);
    } else {
      all_ = true;
      inodes_.clear();
    }
  }
  bool contains(std::uint64_t inode) const { return all_ || inodes_.contains(inode); }

 private:
  std::size_t most_;
  bool all_ = false;
  std::unordered_set<std::uint64_t> inodes_;
};

}  // namespace rocker
