// Idmapped mounts (mount_setattr(2)): files that on the disk belong to the numbers of a container's own user
// namespace, 0 and on, appear as the numbers that stand for these on the host.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker::bundle {

// The users and groups of the host's that a container with a user namespace of its own has: its 0 is `first`.
struct UserRange {
  static constexpr std::uint32_t size = 65536;
  std::uint32_t first = 0;

  // Of the container's user namespace.
  std::vector<spec::IdMapping> mappings() const { return {{0, first, size}}; }
  // Of its layers: what an image has beside these 65536 stays what it is, and so nobody's in the container. A
  // file without any number on the host could not even be removed or read by its root.
  std::vector<spec::IdMapping> layer_mappings() const;
  bool operator==(const UserRange&) const = default;
};

// A user namespace with the mapping of the layers and nothing in it.
UniqueFd make_user_namespace(UserRange range);

// A detached copy of the mount at path, idmapped; with those below it, which are not, when `recursive`.
// Throws Error that says what of the kernel or of the file system is missing.
UniqueFd idmapped_tree(const std::string& path, int user_namespace, bool recursive = false);

// Runs fn in a thread with a mount namespace of its own, in which each of the folders is covered by its
// idmapped self: nothing of this is seen outside, and nothing is left when the thread ends, however it does.
// What fn makes belongs to the container's root, whose number alone has a place on the disk there.
void with_idmapped(const std::vector<std::string>& folders, UserRange range, const std::function<void()>& fn);

}  // namespace rocker::bundle
