// Which users and groups of the host's the containers of a store have for their own (--userns private).
//
//   ROOT/ranges/FIRST-KEY      a bundle that has the 65536 IDs from FIRST on: its path. Bundles that share a
//                              user namespace share a range, and it is free when the last of them is gone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/bundle/idmapped.hh"

namespace rocker::bundle {

// IDs from first to last.
struct IdSpan {
  std::uint64_t first = 0, last = 0;
};

// Where a new range may be looked for, and what in there belongs to somebody.
struct RangeSource {
  std::vector<IdSpan> given;  // by subuid(5) and subgid(5), to "rocker" or else to "containers"; may be empty
  std::string owner;          // whose these are
  std::vector<IdSpan> taken;  // of users, groups and other entries there
};

// What the texts of /etc/subuid, /etc/subgid, /etc/passwd and /etc/group say. Of what is given, the IDs that
// both files give; with nothing given, all that systemd-nspawn --private-users=pick takes its ranges from.
RangeSource parse_range_source(std::string_view subuid, std::string_view subgid, std::string_view passwd,
                               std::string_view group);

// The first free range of those that are possible, beginning at one that the seed gives, so that the same
// container gets the same again and two programs seldom meet. Throws Error when there is none.
UserRange pick_range(const RangeSource& source, std::span<const UserRange> used, std::string_view seed);

// Picks one and notes down that the bundle has it, in one step under a lock. bundle_dir is absolute and
// exists (a note whose bundle is gone counts for nothing).
UserRange reserve_range(const std::string& root, const std::string& bundle_dir, std::string_view seed);

// Notes down that the bundle shares another's range.
void share_range(const std::string& root, const std::string& bundle_dir, UserRange range);

// No error when there is no such note.
void release_range(const std::string& root, const std::string& bundle_dir, UserRange range);

}  // namespace rocker::bundle
