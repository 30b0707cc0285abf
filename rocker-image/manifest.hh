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

// Makes the line one of what is on the disk, without the digests.
void describe_node(const Node& node, ManifestLine& line);

void append_line(std::string& out, const ManifestLine& line);

// False for a line without a file (a comment). Throws Error when it is none of ours.
bool parse_line(std::string_view text, ManifestLine& line);

}  // namespace rocker
