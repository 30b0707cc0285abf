#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rocker-runc/rootfs/carry_out.hh"
#include "rocker-runc/sys/mount.hh"
#include "spec/support/error.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

// A mount of the container's /dev/null. The node is looked at through the descriptor that is then bound: what
// the image (or another container that shares the root) puts in its place is never mounted (CVE-2025-31133).
UniqueFd null_device(const Context& context) {
  const UniqueFd node = open_in_root(context.root.get(), "/dev/null", O_PATH | O_NOFOLLOW);
  struct stat st {};
  if (::fstat(node.get(), &st) < 0) throw system_error("stat /dev/null");
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
    throw Error("the container's /dev/null is not the null device, so nothing can be masked with it");
  }
  return sys::clone_tree(node.get(), "", false);
}

// One empty tmpfs serves all masked directories: each further mount of it is a copy and no new superblock.
UniqueFd empty_directory(Context& context) {
  if (context.empty_directory) return sys::clone_tree(context.empty_directory.get(), "", false);
  sys::NewFilesystem tmpfs("tmpfs");
  tmpfs.set_source("tmpfs");
  tmpfs.set_option("size=0k");
  tmpfs.set_option("nr_inodes=2");
  UniqueFd mount = tmpfs.create(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  return mount;
}

}  // namespace

void carry_out(ReadonlyPath& step, Context& context) {
  const UniqueFd place = try_open_in_root(context.root.get(), step.path, O_PATH);
  if (!place) {
    // Not every kernel has every path of the usual list.
    if (errno == ENOENT || errno == ENOTDIR) return;
    throw system_error(cat("open ", step.path));
  }
  const UniqueFd tree = sys::clone_tree(place.get(), "", true);
  sys::set_attributes(tree.get(), {MOUNT_ATTR_RDONLY, 0, 0, -1}, true);
  sys::attach(tree.get(), place.get());
}

void carry_out(MaskPath& step, Context& context) {
  const UniqueFd place = try_open_in_root(context.root.get(), step.path, O_PATH);
  if (!place) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    throw system_error(cat("open ", step.path));
  }
  struct stat st {};
  if (::fstat(place.get(), &st) < 0) throw system_error(cat("stat ", step.path));
  if (S_ISDIR(st.st_mode)) {
    UniqueFd mount = empty_directory(context);
    sys::attach(mount.get(), place.get());
    if (!context.empty_directory) context.empty_directory = std::move(mount);
  } else {
    sys::attach(null_device(context).get(), place.get());
  }
}

}  // namespace rocker::rootfs
