// Owners, modes, times and xattrs of what an import has made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rocker-image/archive.hh"

namespace rocker {

// What did not become as the archive has it, by reason; one line at the end tells.
struct Tally {
  std::size_t whiteout_devices = 0;   // character devices 0:0
  std::size_t overlay_xattrs = 0;     // trusted.overlay.* and user.overlay.*
  std::size_t devices_denied = 0;     // that the kernel would not make
  std::size_t devices_unwanted = 0;   // --no-devices
  std::size_t owners_changed = 0;     // that this user may not give away
  std::size_t xattrs_lost = 0;        // that this file system or user can't have
  std::size_t acls_lost = 0;          // ACL entries for names without numbers
  std::size_t whiteouts_ignored = 0;  // below a symbolic link, or aufs' own
  std::size_t mounts = 0;             // below a folder
  std::size_t excluded = 0;           // --exclude
  std::size_t stripped = 0;           // --strip-components left nothing of the name

  void add(const Tally& other);
  std::string text() const;  // "3 device nodes (not permitted), ..."; empty when there is nothing to tell
};

// Who the import may make owner of a file: everybody for root, those that a user namespace has for its root,
// only itself for others.
struct Ownership {
  struct Range {
    std::uint64_t first = 0, count = 0;
    bool has(std::uint64_t id) const { return id >= first && id - first < count; }
  };

  bool any = true;    // may give files away
  uid_t own_uid = 0;  // what a new file has
  gid_t own_gid = 0;
  std::vector<Range> uids = {}, gids = {};  // that there are here; none: all

  bool may_own(uid_t uid, gid_t gid) const;
  static Ownership of_this_process(bool keep_own);
};

// The xattrs of an open file, sorted by name; also of one that was opened O_PATH. lock as in closed.hh.
std::vector<std::pair<std::string, std::string>> read_xattrs(int fd, int lock = -1);

// By descriptor, so that no name is looked up. `created_mode` is what the file has now.
void apply_attributes(int fd, const Attributes& attributes, const Ownership& ownership, mode_t created_mode,
                      Tally& tally);

// By name, for what can't be opened (symbolic links, devices); a link is not followed.
void apply_attributes_at(int dir_fd, const std::string& name, bool is_symlink, const Attributes& attributes,
                         const Ownership& ownership, Tally& tally);

}  // namespace rocker
