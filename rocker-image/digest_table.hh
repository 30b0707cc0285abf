// The SHA-256 of each file that an import has written, by inode: found again when the manifest is made, in
// the order of the names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "rocker-image/hash.hh"
#include "spec/support/fd.hh"

namespace rocker {

// However many files there are, it takes no more than some megabytes of memory: what is beyond them goes to a
// file without a name, 32 bytes an inode at the inode's place. File systems give out inodes in rows, so that
// the file is dense where it is not a hole, and one read finds a hundred neighbours.
class DigestTable {
 public:
  // folder is where that file may be made.
  explicit DigestTable(std::string folder, std::size_t most_in_memory = 65536)
      : folder_(std::move(folder)), most_in_memory_(most_in_memory) {}

  // Of an inode that is used again the later one counts. Throws Error when the disk is full.
  void add(std::uint64_t inode, const Sha256::Digest& digest);
  // Nothing is added any more.
  void finish();

  // Null when there is none. Valid until the next call.
  const Sha256::Digest* find(std::uint64_t inode);

 private:
  struct Record {
    std::uint64_t inode = 0, order = 0;
    Sha256::Digest digest{};
  };
  void spill();
  void put(std::uint64_t inode, const Sha256::Digest& digest);
  void write_run();

  std::string folder_;
  std::size_t most_in_memory_;
  std::vector<Record> records_;

  UniqueFd file_;
  std::vector<Sha256::Digest> run_;  // of consecutive inodes, not written yet
  std::uint64_t run_start_ = 0;
  std::vector<Sha256::Digest> window_;  // what was read last
  std::uint64_t window_start_ = 0;
  std::unordered_map<std::uint64_t, Sha256::Digest> beyond_;  // whose place no file can have
};

}  // namespace rocker
