#include <fcntl.h>
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

mode_t kind_of(char type) {
  return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

void bind_device(MakeDevice& step, Context& context) {
  UniqueFd tree = std::move(step.tree);
  if (!tree) tree = sys::clone_tree(AT_FDCWD, step.source, false);
  struct stat st {};
  if (::fstat(tree.get(), &st) < 0) throw system_error(cat("stat ", step.source));
  if ((st.st_mode & S_IFMT) != kind_of(step.type) || st.st_rdev != step.number) {
    throw Error(cat("device ", step.source, ": was replaced by something else meanwhile"));
  }
  sys::MountAttributes base;
  base.propagation = MS_SLAVE;
  sys::set_attributes(tree.get(), base, false);
  const UniqueFd target = open_target(context, step.path, false);
  with_context([&] { return cat("bind device ", step.path); },
               [&] { sys::attach(tree.get(), target.get()); });
}

}  // namespace

void carry_out(MakeDevice& step, Context& context) {
  if (!step.source.empty()) return bind_device(step, context);
  const Parent parent = open_parent_in_root(context.root.get(), step.path, true);
  const int dir = parent.dir.get();
  const char* name = parent.name.c_str();
  if (::mknodat(dir, name, kind_of(step.type) | step.mode, step.number) < 0) {
    if (errno != EEXIST) throw system_error(cat("make device ", step.path));
    // config-linux.md, "Devices": what is there and does not match is an error.
    struct stat st {};
    if (::fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) throw system_error(cat("stat ", step.path));
    if ((st.st_mode & S_IFMT) != kind_of(step.type) || (step.type != 'p' && st.st_rdev != step.number)) {
      throw Error(cat("make device ", step.path, ": there is something else already, not the device ",
                      step.type, " ", major(step.number), ":", minor(step.number)),
                  EEXIST);
    }
  }
  // The umask has had its part in the mode. No link can be in the name's place: mknodat would have failed.
  if (::fchmodat(dir, name, step.mode, 0) < 0) throw system_error(cat("chmod ", step.path));
  if (::fchownat(dir, name, step.uid, step.gid, AT_SYMLINK_NOFOLLOW) < 0)
    throw system_error(cat("chown ", step.path));
}

void carry_out(MakeLink& step, Context& context) {
  const Parent parent = open_parent_in_root(context.root.get(), step.path, true);
  if (step.replace && ::unlinkat(parent.dir.get(), parent.name.c_str(), 0) < 0 && errno != ENOENT) {
    throw system_error(cat("remove ", step.path));
  }
  if (::symlinkat(step.target.c_str(), parent.dir.get(), parent.name.c_str()) < 0 && errno != EEXIST) {
    throw system_error(cat("link ", step.path));
  }
}

}  // namespace rocker::rootfs
