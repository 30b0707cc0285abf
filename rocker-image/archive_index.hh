// Where the members of a plain tar are in its file, so that they can be read in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace rocker {

class Cancel;

class ArchiveIndex {
 public:
  // Reads the headers of the whole file and skips what is between them. cancel may be null. Throws Error.
  ArchiveIndex(int fd, const Cancel* cancel);

  struct Range {
    std::uint64_t start = 0, size = 0;
  };
  // The content of a file, through symbolic and hard links inside the archive; nothing when there is none.
  std::optional<Range> find(const std::string& path) const;
  // False: some file is not in one piece, it has holes that are not in the archive; or there are more members
  // than a layout has. Then nothing is found.
  bool is_complete() const { return complete_; }

 private:
  struct Member {
    Range range;
    std::string link;  // the path that it stands for; empty for a file
  };
  std::unordered_map<std::string, Member> members_;
  bool complete_ = true;
};

}  // namespace rocker
