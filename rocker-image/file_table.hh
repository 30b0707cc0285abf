// What became of each file that an import has written, by inode: found again when the manifest is made, in
// the order of the names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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

// File systems give out inodes one after the other: a row has the records of neighbours. However many files
// there are, it takes no more than some megabytes of memory: what is beyond them goes to a file without a
// name, at the inode's place, which is dense where it is not a hole.
class FileTable {
  static constexpr std::size_t row_length = 128;
  using Row = std::array<FileRecord, row_length>;

 public:
  // folder is where that file may be made.
  explicit FileTable(std::string folder, std::size_t most_rows = (std::size_t{10} << 20) / sizeof(Row))
      : folder_(std::move(folder)), most_rows_(most_rows) {}

  // Of an inode that is used again the later one counts. Throws Error when the disk is full.
  void add(std::uint64_t inode, const FileRecord& record);
  // Nothing is added any more.
  void finish();

  // Null when there is none. Valid until the next call.
  const FileRecord* find(std::uint64_t inode);

 private:
  static bool has_place(std::uint64_t inode);
  Row* row_of(std::uint64_t inode);
  Row* add_row(std::uint64_t inode);
  void spill();
  void put(std::uint64_t inode, const FileRecord& record);
  void write_run();
  void write_records(const FileRecord* records, std::size_t count, std::uint64_t inode);

  std::string folder_;
  std::size_t most_rows_;
  std::unique_ptr<Pages> memory_;
  std::size_t room_ = 0;                                 // rows that fit in it
  std::unordered_map<std::uint64_t, std::size_t> rows_;  // where each is, by its first inode / row_length
  std::uint64_t last_row_ = UINT64_MAX;                  // that was asked for, and where it is
  Row* last_ = nullptr;

  UniqueFd file_;
  std::vector<FileRecord> run_;  // of consecutive inodes, not written yet
  std::uint64_t run_start_ = 0;
  Row window_{};  // what was read last
  std::uint64_t window_row_ = UINT64_MAX;
  std::unordered_map<std::uint64_t, FileRecord> beyond_;  // whose place no file can have
};

}  // namespace rocker
