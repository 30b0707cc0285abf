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
  std::optional<Sha256::Digest> xattrs;  // xattr_digest()

  bool operator==(const ManifestLine&) const = default;
};

// The second line says that a file without a digest of xattrs has none; older manifests know nothing of them.
inline constexpr std::string_view manifest_heading = "#mtree\n# xattrs\n", xattrs_are_known = "# xattrs";

// From what is on the disk, without the digests.
ManifestLine manifest_line(const Node& node);

void append_line(std::string& out, const ManifestLine& line);

// False for a line without a file (a comment). Throws Error when it is none of ours.
bool parse_line(std::string_view text, ManifestLine& line);

// Lines to a file, in large pieces.
class ManifestWriter {
 public:
  explicit ManifestWriter(UniqueFd fd) : fd_(std::move(fd)), buffer_(manifest_heading) {}
  void add(const ManifestLine& line);
  // Of a directory, whose line comes long before its xattrs are set: adds one with room for their digest.
  struct Room {
    std::uint64_t place = 0;
    std::size_t size = 0;
  };
  Room add_with_room(ManifestLine line);
  // With the same line, but for its xattrs and mode (an ACL is a part of it).
  void fill(const Room& room, const ManifestLine& line);
  void finish();

 private:
  void flush();

  UniqueFd fd_;
  std::uint64_t flushed_ = 0;
  std::string buffer_;
};

}  // namespace rocker
