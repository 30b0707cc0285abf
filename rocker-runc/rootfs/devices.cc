#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rocker-runc/rootfs/carry_out.hh"
#include "rocker-runc/sys/mount.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

mode_t kind_of(char type) {
  return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

std::string wanted(const MakeDevice& step) {
  if (step.type == 'p') return "FIFO";
  return cat("device ", step.type, " ", major(step.number), ":", minor(step.number));
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
  const bool made = ::mknodat(dir, name, kind_of(step.type) | (step.mode & 07777), step.number) == 0;
  if (!made && errno != EEXIST) throw system_error(cat("make device ", step.path));
  // From here on by descriptor: another container that shares the root file system could put a link to a file
  // of the host's in the name's place.
  const UniqueFd node = open_at(dir, name, O_PATH | O_NOFOLLOW);
  struct stat st {};
  if (::fstat(node.get(), &st) < 0) throw system_error(cat("stat ", step.path));
  // config-linux.md, "Devices": what is there and does not match is an error.
  if ((st.st_mode & S_IFMT) != kind_of(step.type) || (step.type != 'p' && st.st_rdev != step.number)) {
    throw Error(cat("make device ", step.path, ": there is something else already, not the ", wanted(step)),
                EEXIST);
  }
  // The umask has had its part in the mode.
  if ((st.st_mode & 07777) != (step.mode & 07777) &&
      ::fchmodat(context.proc.get(), cat("self/fd/", node.get()).c_str(), step.mode & 07777, 0) < 0) {
    throw system_error(cat("chmod ", step.path));
  }
  if ((st.st_uid != step.uid || st.st_gid != step.gid) &&
      ::fchownat(node.get(), "", step.uid, step.gid, AT_EMPTY_PATH) < 0) {
    throw system_error(cat("chown ", step.path));
  }
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
