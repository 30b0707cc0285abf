// A tar or cpio archive as a stream of entries. libarchive stands behind this file and the filters of
// decode_filter.cc, nowhere else. Nothing here is trusted: names are as they stand in the archive.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rocker-image/blocks.hh"
#include "rocker-image/stream.hh"

struct archive;
struct archive_entry;

namespace rocker {

// Of an archive between the content of one entry and that of the next: names, pax headers and the map of a
// sparse file, of which libarchive makes a list that is a dozen times as long. It would take what the archive
// says, up to 4 GiB, into memory.
inline constexpr std::uint64_t most_header = std::uint64_t{2} << 20;
[[nodiscard]] class Error header_too_large();

// What is set on a file beside its content.
struct Attributes {
  mode_t mode = 0;  // permissions and set-ID bits
  uid_t uid = 0;
  gid_t gid = 0;
  timespec mtime{0, 0};
  std::vector<std::pair<std::string, std::string>> xattrs;
};

struct Entry {
  enum class Type { file, directory, symlink, hardlink, character, block, fifo, socket };
  Type type = Type::file;
  std::string path;    // bytes, as in the archive
  std::string target;  // of a symbolic or hard link
  std::uint64_t size = 0;
  dev_t device = 0;
  Attributes attributes;
  std::size_t lost_acls = 0;  // ACL entries for names that have no number
};

// A part of a file's content. What is between two parts is a hole.
struct Chunk {
  BlockRef block;  // keeps the data alive
  const char* data = nullptr;
  std::size_t size = 0;
  std::uint64_t offset = 0;
};

// Where entries come from.
class EntrySource {
 public:
  EntrySource() = default;
  EntrySource(const EntrySource&) = delete;
  EntrySource& operator=(const EntrySource&) = delete;
  virtual ~EntrySource() = default;
  virtual bool next(Entry& entry) = 0;  // false at the end
  virtual bool data(Chunk& chunk) = 0;  // of the entry that next() gave; false at its end
};

class ArchiveReader : public EntrySource {
 public:
  explicit ArchiveReader(Stream& stream);
  ~ArchiveReader() override;

  bool next(Entry& entry) override;
  bool data(Chunk& chunk) override;

  std::string format() const;  // "tar" or "cpio"

  // A tar without its end marker (and the padding of its last entry) is taken for one that was cut short,
  // unless this is set.
  void allow_missing_end(bool allow) { allow_missing_end_ = allow; }
  // An archive without entries is refused, unless this is set.
  void allow_empty(bool allow) { allow_empty_ = allow; }

 private:
  static long pull(archive*, void* self, const void** data);
  [[noreturn]] void fail(std::string_view what);
  [[noreturn]] void refuse();
  void open();
  void skip_content();
  void check_end();
  void read_attributes(archive_entry* raw, Entry& entry);

  Stream& stream_;
  archive* archive_;
  BlockRef current_;
  std::string tail_;  // the last bytes that libarchive was given
  std::string head_;  // the first
  std::exception_ptr thrown_;
  std::string path_;         // of the entry, for messages
  std::uint64_t limit_ = 0;  // how much of the stream may be read for the next header
  bool opened_ = false, padded_ = false, any_ = false, ended_ = false, allow_missing_end_ = false,
       allow_empty_ = false;
};

}  // namespace rocker
