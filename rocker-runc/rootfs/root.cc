#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

#include "rocker-runc/rootfs/carry_out.hh"
#include "rocker-runc/sys/mount.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

// The first root of a machine that has not left its initramfs: it has no parent, and pivot_root(2) refuses
// it.
bool root_is_initramfs() {
  struct statfs fs {};
  return ::statfs("/", &fs) == 0 && (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

// A path of mountinfo, where blanks are written as "\040" (proc(5)).
std::string unescaped(std::string_view text) {
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      path += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      path += text[i];
    }
  }
  return path;
}

// What pivot_root(2) would have left behind: everything that the host has mounted on its root. Whoever in the
// container may unmount "/" finds the bare first root below it and no disk, no /proc and no /sys of the host.
// Mounts that a user namespace has locked can't be taken away, and not be uncovered by the container either.
void detach_mounts_of_host(const Context& context) {
  struct statx root {};
  if (::statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) < 0) throw system_error("statx /");
  const UniqueFd file = open_at(context.proc.get(), "self/mountinfo", O_RDONLY);
  const std::string table = read_all(file.get(), "/proc/self/mountinfo", 64 << 20);
  for (const std::string_view line : split(table, '\n')) {
    const auto field = split(line, ' ');
    // mount ID, parent ID, major:minor, root, mount point, ...
    if (field.size() < 5 || field[1] != std::to_string(root.stx_mnt_id) || field[4] == "/") continue;
    const std::string path = unescaped(field[4]);
    while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (errno != EINVAL) throw system_error(cat("unmount the host's ", path));  // EINVAL: no mount any more
  }
}

}  // namespace

void carry_out(AttachRoot& step, Context& context) {
  if (!step.attach) {
    context.root = open_path(step.path, O_PATH | O_DIRECTORY);
    return;
  }
  // From here on nothing that is mounted in this namespace reaches the host; what the host mounts still comes
  // in below the old root, until that is gone.
  sys::set_propagation("/", MS_REC | MS_SLAVE);
  UniqueFd tree = std::move(step.tree);
  if (!tree) tree = sys::clone_tree(AT_FDCWD, step.path, true);
  sys::MountAttributes base;
  base.propagation = MS_SLAVE;
  sys::set_attributes(tree.get(), base, true);
  // Over "/" itself and not at its own path: so no path of the host is walked, and no parent mount of the
  // root file system has to be looked for and made private before pivot_root(2) accepts it. This process
  // keeps seeing the host's root below it.
  UniqueFd place;
  // A path that the root of a user namespace may not walk leaves no choice.
  if (step.at_own_path) place.reset(::open(step.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  context.root_is = place ? Context::Place::own_path : Context::Place::over_slash;
  if (!place) place = open_path("/", O_PATH | O_DIRECTORY);
  sys::attach(tree.get(), place.get());
  context.root = std::move(tree);
}

void carry_out(Pivot& step, Context& context) {
  if (::fchdir(context.root.get()) < 0) throw system_error("chdir to the root file system");
  // The mount is on top of "/" already (or is moved there): the only thing missing is that this process has
  // it as its root. Whoever gets out of the chroot by the usual trick arrives at "/" of the namespace, which
  // is this mount again; and setns(2) puts whoever joins the namespace on the topmost mount of its root.
  bool use_chroot = step.use_chroot;
  if (!use_chroot) {
    // pivot_root(2), "pivot_root(".", ".")": the old root is stacked over the new one and taken away.
    if (::syscall(SYS_pivot_root, ".", ".") == 0) {
      if (::umount2(".", MNT_DETACH) < 0) throw system_error("unmount the old root");
    } else if (errno == EINVAL && root_is_initramfs()) {
      use_chroot = true;
    } else {
      throw system_error("pivot_root");
    }
  }
  if (use_chroot) {
    if (context.root_is == Context::Place::own_path)
      sys::attach(context.root.get(), open_path("/", O_PATH | O_DIRECTORY).get());
    if (context.root_is != Context::Place::not_attached) detach_mounts_of_host(context);
    if (::chroot(".") < 0) throw system_error("chroot");
  }
  if (::chdir("/") < 0) throw system_error("chdir /");
}

void carry_out(RootPropagation& step, Context&) {
  sys::set_propagation("/", step.flags);
}

void carry_out(ReadonlyRoot&, Context& context) {
  sys::set_attributes(context.root.get(), {MOUNT_ATTR_RDONLY, 0, 0, -1}, false);
}

}  // namespace rocker::rootfs
