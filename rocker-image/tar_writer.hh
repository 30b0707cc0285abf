// Tars that are the same for the same content: sorted, without names of users, times no finer than what was
// there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "rocker-image/walk.hh"

struct archive;
struct archive_entry;

namespace rocker {

enum class Compress { none, gzip, zstd };
Compress parse_compress(std::string_view text);

// The variable of that name (https://reproducible-builds.org/specs/source-date-epoch), when it is set. Throws
// Error when it is no such number.
std::optional<std::int64_t> source_date_epoch();

class TarWriter {
 public:
  // To a descriptor, which is borrowed. `what` is for messages.
  TarWriter(int fd, Compress compress, std::string what);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // A whole tree; the root is "./". Times later than SOURCE_DATE_EPOCH are that, when it is set. Gives the
  // number of sockets, which no tar can hold.
  std::size_t add_tree(int root_fd);
  // What has that name in the folder, and all that is below it: "name", "name/...". Not "." and "..".
  void add_named(int folder_fd, const std::string& name);
  // A file by its content, owned by root, with the time that SOURCE_DATE_EPOCH says or none.
  void add_file(const std::string& name, std::string_view content);
  // The same from a descriptor, from its beginning.
  void add_file(const std::string& name, int fd, std::uint64_t size);
  void add_directory(const std::string& name);

  void finish();

 private:
  class Tree;
  void write_header(archive_entry* entry);
  void write_content(int fd, std::uint64_t size, std::string_view name);
  void check(long status) const;

  int fd_;
  std::string what_;
  archive* archive_;
  std::optional<std::int64_t> latest_;
  std::unordered_map<std::uint64_t, std::string> linked_;
};

}  // namespace rocker
