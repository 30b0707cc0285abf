// The steps that make a container's root file system and what belongs to it: data only, worked out before the
// clone (plan.cc) and carried out in the new mount namespace (apply.cc), in this order.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rocker-runc/rootfs/mount_options.hh"
#include "spec/support/fd.hh"

namespace rocker::rootfs {

// Attaches the root file system over "/" of the new mount namespace, in which nothing propagates back to the
// host; in a mount namespace that is not the container's own the root is only opened.
struct AttachRoot {
  std::string path;
  bool attach = true;
  // At its own path, for hooks that look for it there: they run before the pivot, and see the host's root.
  bool at_own_path = false;
  UniqueFd tree;  // a detached copy made by the parent; without it (rootless) init makes one by path
};

// A bind mount.
struct BindMount {
  std::string destination;
  std::string source;
  UniqueFd tree;  // as above
  bool is_directory = true;
  dev_t device = 0;  // of the source, to know it again when init opens it by path
  ino_t inode = 0;
  MountOptions options;
};

// A file system of its own: proc, tmpfs, sysfs, devpts, mqueue, overlay ...
struct NewMount {
  std::string destination;
  std::string type;
  std::string source;
  MountOptions options;
  bool late_readonly = false;  // read-only only when all is set up: a tmpfs in which later steps make things
};

// The container's own view of one cgroup hierarchy (mount type "cgroup").
struct CgroupMount {
  std::string destination;
  std::string type;  // "cgroup" or "cgroup2"
  std::vector<std::string> filesystem_options;
  UniqueFd tree;  // without a cgroup namespace: the container's group of the host's hierarchy, bound
  MountOptions options;
};

// Changes the flags of what is mounted at the destination already (option "remount", and late_readonly).
struct Remount {
  std::string destination;
  MountOptions options;
};

struct MakeDevice {
  std::string path;
  char type = 'c';
  dev_t number = 0;
  mode_t mode = 0666;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string source;  // where a user namespace forbids mknod: the host's node is bound
  UniqueFd tree;
};

// A symbolic link; one that exists already is kept, unless `replace`.
struct MakeLink {
  std::string path;
  std::string target;
  bool replace = false;
};

// prestart and createRuntime hooks run in the runtime, createContainer hooks here.
struct RunHooks {
  bool runtime = false;    // the parent has something to do at this point (hooks, network devices)
  bool container = false;  // there are createContainer hooks
};

// The attached root becomes "/", and the host's root is gone.
struct Pivot {
  bool use_chroot = false;  // --no-pivot, or a host that lives in its initramfs
};

struct ReadonlyRoot {};

struct ReadonlyPath {
  std::string path;
};

struct MaskPath {
  std::string path;
};

// rootfsPropagation: when all is masked, for of an unbindable mount there is no copy to mask with.
struct RootPropagation {
  unsigned long flags = 0;  // MS_*
};

struct WriteSysctl {
  std::string key;   // as in config.json: "net.ipv4.ip_forward"
  std::string path;  // below /proc/sys
  std::string value;
};

struct SetHostname {
  std::string name;
  bool domain = false;
};

using Action =
    std::variant<AttachRoot, BindMount, NewMount, CgroupMount, Remount, MakeDevice, MakeLink, RunHooks, Pivot,
                 ReadonlyRoot, ReadonlyPath, MaskPath, RootPropagation, WriteSysctl, SetHostname>;

struct Step {
  std::string origin;  // the JSON pointer of the member it comes from: "/mounts/3"
  Action action;
};

using Plan = std::vector<Step>;

// One line about a step, for --log-level trace and for unit tests: `mount proc on /proc (nosuid,nodev)`.
std::string describe(const Step& step);

}  // namespace rocker::rootfs
