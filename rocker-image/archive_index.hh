// Where the members of a plain tar are in its file, so that they can be read in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace rocker {

class ArchiveIndex {
 public:
  // Reads the headers of the whole file and skips what is between them. Throws Error.
  explicit ArchiveIndex(int fd);

  struct Range {
    std::uint64_t start = 0, size = 0;
  };
  // The content of a file, through symbolic and hard links inside the archive; nothing when there is none.
  std::optional<Range> find(const std::string& path) const;
  // Some file is not in one piece: it has holes that are not in the archive.
  bool has_sparse() const { return has_sparse_; }

 private:
  struct Member {
    Range range;
    std::string link;  // the path that it stands for; empty for a file
  };
  std::unordered_map<std::string, Member> members_;
  bool has_sparse_ = false;
};

}  // namespace rocker
