// What a rootfs has in it: one line a file with its mode, owner, size, time and SHA-256, in the order of
// walk(). The format is mtree(5), which bsdtar and others read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rocker-image/hash.hh"
#include "rocker-image/walk.hh"

namespace rocker {

struct ManifestLine {
  std::string path;  // without "./"; "" is the root
  std::string type;  // file, dir, link, char, block, fifo, socket
  unsigned mode = 0;
  std::uint64_t uid = 0, gid = 0;
  std::uint64_t size = 0;    // of a file
  std::int64_t seconds = 0;  // of its last change of content
  long nanoseconds = 0;
  std::string target;                    // of a symbolic link
  std::uint64_t major = 0, minor = 0;    // of a device
  std::optional<Sha256::Digest> digest;  // of a file

  bool operator==(const ManifestLine&) const = default;
};

inline constexpr std::string_view manifest_heading = "#mtree\n";

// From what is on the disk, without the digest.
ManifestLine manifest_line(const Node& node);

void append_line(std::string& out, const ManifestLine& line);

// False for a line without a file (a comment). Throws Error when it is none of ours.
bool parse_line(std::string_view text, ManifestLine& line);

// Lines to a file, in large pieces.
class ManifestWriter {
 public:
  explicit ManifestWriter(UniqueFd fd) : fd_(std::move(fd)), buffer_(manifest_heading) {}
  void add(const ManifestLine& line);
  void finish();

 private:
  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace rocker
