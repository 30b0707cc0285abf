// linux.namespaces, the id mappings and the time offsets (config-linux.md, "Namespaces").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker {

struct NamespacePlan {
  // To be created. Those in clone_flags come with the clone; the cgroup namespace is unshared when the cgroup
  // has been joined (it shows whatever group its maker is in), the time namespace before its offsets are
  // frozen by a clone.
  std::uint64_t clone_flags = 0;
  bool new_user = false, new_cgroup = false, new_time = false, new_network = false, new_pid = false;

  struct Join {
    UniqueFd fd;
    int type = 0;      // CLONE_NEW*
    std::string what;  // "network namespace /run/netns/x"
  };
  std::vector<Join> joins;

  // True when one clone is not enough: a user or pid namespace that is joined, or a user namespace that is
  // made beside others that are joined with the rights of the caller, or beside a time namespace.
  bool staged = false;

  std::string uid_map, gid_map, time_offsets;  // as the files of /proc/PID want them

  bool has_user() const { return new_user || joined_user; }
  bool joined_user = false;
};

// Opens the paths and checks that each is a namespace of its kind. Throws with the member's pointer.
NamespacePlan plan_namespaces(const spec::Linux& linux_part);

// In init or the stage: joins what is to be joined. Those owned by the host's user namespace are joined
// first, while the rights are there, then the user namespace, then what only it gives the rights for.
void join_namespaces(const std::vector<NamespacePlan::Join>& joins);

// In the parent: uid_map and gid_map of the process; by newuidmap(1) and newgidmap(1) where the caller may
// not.
void write_id_maps(pid_t pid, const NamespacePlan& plan);

// In a process that has just unshared a time namespace.
void write_time_offsets(const std::string& offsets);

// A user namespace that has nothing but these mappings, for an idmapped mount (mount_setattr(2)).
UniqueFd make_user_namespace(const std::vector<spec::IdMapping>& uids,
                             const std::vector<spec::IdMapping>& gids);

// In a new user namespace: becomes its root (with all groups but that one dropped where the kernel allows).
void become_namespace_root();

// What forbids user namespaces here, for a hint; empty when nothing known does.
std::string user_namespace_hint();

}  // namespace rocker
