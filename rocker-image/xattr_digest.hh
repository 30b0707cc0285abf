// The xattrs of a file as one SHA-256, for the manifest.
#pragma once

#include <optional>
#include <string_view>

#include "rocker-image/archive.hh"
#include "rocker-image/hash.hh"
#include "rocker-image/inode_set.hh"
#include "rocker-image/walk.hh"

namespace rocker {

// Those that somebody has to set: user.*, trusted.*, file capabilities and POSIX ACLs. What a kernel or file
// system gives a file by itself (security.selinux, security.ima, btrfs.compression) is the host's.
bool in_manifest(std::string_view xattr);

// Of what is on the disk now; nothing when there is none. Over the names in bytewise order, for each: the
// name, NUL, the size of the value in decimal, NUL, the value.
std::optional<Sha256::Digest> xattr_digest(int fd, int lock = -1);  // may be O_PATH; closed.hh
std::optional<Sha256::Digest> xattr_digest(const Node& node);

// Adds the file when its attributes have some of them.
bool any_in_manifest(const Attributes& attributes);
void note_xattrs(InodeSet& inodes, int dir_fd, const std::string& name, const Attributes& attributes);

}  // namespace rocker
