// What became of each file that an import has written, by inode: found again when the manifest is made, in
// the order of the names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "rocker-image/hash.hh"
#include "rocker-image/pages.hh"
#include "spec/support/fd.hh"

namespace rocker {

// As the file system says, after all was set (stat(2)).
struct FileRecord {
  std::uint64_t size = 0, blocks = 0;  // bytes; blocks of 512
  std::int64_t seconds = 0;            // of the modification
  std::uint32_t nanoseconds = 0;
  std::uint32_t mode = 0;  // with the type: 0 is none
  std::uint32_t uid = 0, gid = 0;
  Sha256::Digest digest{};  // of the content, when it was hashed

  bool operator==(const FileRecord&) const = default;
};
// It is written as it is.
static_assert(std::has_unique_object_representations_v<FileRecord>);

// However many files there are, it takes no more than some megabytes of memory: what is beyond them goes to a
// file without a name, at the inode's place. File systems give out inodes in rows, so that the file is dense
// where it is not a hole, and one read finds a hundred neighbours.
class FileTable {
  struct Line {
    std::uint64_t inode = 0, order = 0;
    FileRecord record;
  };

 public:
  // folder is where that file may be made.
  explicit FileTable(std::string folder, std::size_t most_in_memory = (std::size_t{6} << 20) / sizeof(Line))
      : folder_(std::move(folder)), most_in_memory_(most_in_memory) {}

  // Of an inode that is used again the later one counts. Throws Error when the disk is full.
  void add(std::uint64_t inode, const FileRecord& record);
  // Nothing is added any more.
  void finish();

  // Null when there is none. Valid until the next call.
  const FileRecord* find(std::uint64_t inode);

 private:
  std::span<Line> lines() const;
  void grow();
  void spill();
  void put(std::uint64_t inode, const FileRecord& record);
  void write_run();

  std::string folder_;
  std::size_t most_in_memory_;
  std::unique_ptr<Pages> memory_;
  std::size_t room_ = 0, count_ = 0;  // lines in it
  std::size_t found_ = 0;             // the next one is often behind it

  UniqueFd file_;
  std::vector<FileRecord> run_;  // of consecutive inodes, not written yet
  std::uint64_t run_start_ = 0;
  std::vector<FileRecord> window_;  // what was read last
  std::uint64_t window_start_ = 0;
  std::unordered_map<std::uint64_t, FileRecord> beyond_;  // whose place no file can have
};

}  // namespace rocker
