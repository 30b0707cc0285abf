#include "rocker-image/verbs/container_root.hh"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/bundle/idmapped.hh"
#include "rocker-image/bundle/rootfs.hh"
#include "rocker-image/verbs/inside.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

namespace {

void attach(int mount, int target) {
  if (::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    throw system_error("move_mount");
}

UniqueFd copy_of_mount(const std::string& path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (recursive) flags |= AT_RECURSIVE;
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), flags));
  if (!tree) throw system_error(printable(path)).hint("without it the container could not start either");
  return tree;
}

void set_attributes(int mount, std::uint64_t attributes, unsigned int flags = 0) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  if (::mount_setattr(mount, "", AT_EMPTY_PATH | flags, &wanted, sizeof wanted) < 0)
    throw system_error("mount_setattr");
}

}  // namespace

ContainerRoot::ContainerRoot(const containers::Room& room, const containers::Facts& facts, Mounts mounts)
    : directory_(room.registry.directory(facts.id)) {
  if (const auto users = bundle::load_record(directory_).users)
    user_namespace_ = bundle::make_user_namespace(*users);
  if (const auto live = look(room.registry, facts); live.pid != 0) {
    fd_ = open_path(cat("/proc/", live.pid, "/root"), O_PATH | O_DIRECTORY);
    return;
  }
  lock_ = room.registry.lock(facts.id);
  if (mounts == Mounts::shown) {
    // What is mounted here goes with this process, however it ends.
    if (::unshare(CLONE_NEWNS) < 0) throw system_error("make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
      throw system_error("keep mounts from the host");
  }
  if (!bundle::is_mounted(directory_)) {
    bundle::mount(room.store, directory_, false);
    mounted_ = bundle::is_mounted(directory_);
  }
  fd_ = open_path(cat(directory_, "/rootfs"), O_PATH | O_DIRECTORY);
  if (mounts == Mounts::none) return;
  try {
    show_mounts(facts);
  } catch (const Error&) {
    unmount();
    throw;
  }
}

// What was asked for and the container's own files in /etc, in the order in which the runtime mounts them:
// deepest last. A tmpfs is empty until it starts; its place is the layer's.
void ContainerRoot::show_mounts(const containers::Facts& facts) {
  const spec::Config config = spec::load_config(directory_);
  const bool read_only = config.root.readonly;
  if (read_only && !bundle::is_mounted(directory_)) {
    // A copy of the image: only a mount can be read-only.
    const std::string rootfs = cat(directory_, "/rootfs");
    const UniqueFd copy = copy_of_mount(rootfs, false);
    attach(copy.get(), fd_.get());
    mounted_ = true;
    fd_ = open_path(rootfs, O_PATH | O_DIRECTORY);
  }
  const auto& given = facts.given.mounts;
  const std::string own_files = cat(directory_, "/etc/");
  for (const auto& mount : config.mounts) {
    const bool asked_for = std::any_of(
        given.begin(), given.end(), [&](const auto& fact) { return fact.destination == mount.destination; });
    if (mount.type != "bind" || (!asked_for && !mount.source.starts_with(own_files))) continue;
    with_context([&] { return cat("mount on ", printable(mount.destination)); }, [&] { show_mount(mount); });
  }
  if (read_only) set_attributes(fd_.get(), MOUNT_ATTR_RDONLY);
}

void ContainerRoot::show_mount(const spec::Mount& mount) {
  const auto has = [&](std::string_view word) {
    return std::find(mount.options.begin(), mount.options.end(), word) != mount.options.end();
  };
  const UniqueFd tree = has("idmap") ? bundle::idmapped_tree(mount.source, user_namespace(), has("rbind"))
                                     : copy_of_mount(mount.source, has("rbind"));
  set_attributes(tree.get(), MOUNT_ATTR_NODEV | (has("ro") ? MOUNT_ATTR_RDONLY : 0));
  if (has("rro")) set_attributes(tree.get(), MOUNT_ATTR_RDONLY, AT_RECURSIVE);
  struct stat source {
  }, place{};
  if (::fstat(tree.get(), &source) < 0) throw system_error("stat");
  // Resolved inside the root, and used as a descriptor: no link of the container's leads the mount elsewhere.
  UniqueFd target = try_open_in_root(fd_.get(), mount.destination, O_PATH);
  if (!target) {
    const auto make = [&] {
      if (S_ISDIR(source.st_mode)) {
        make_directories_in_root(fd_.get(), mount.destination, 0755);
      } else {
        make_file_in_root(fd_.get(), mount.destination, 0755);
      }
    };
    if (user_namespace_) {
      Inside(user_namespace(), make).finish();
    } else {
      make();
    }
    target = open_in_root(fd_.get(), mount.destination, O_PATH);
  }
  if (::fstat(target.get(), &place) < 0) throw system_error("stat");
  if (S_ISDIR(source.st_mode) != S_ISDIR(place.st_mode)) {
    throw Error(S_ISDIR(source.st_mode) ? "the source is a directory and the target is not"
                                        : "the target is a directory and the source is not",
                ENOTDIR);
  }
  attach(tree.get(), target.get());
}

ContainerRoot::~ContainerRoot() {
  unmount();
}

void ContainerRoot::unmount() {
  fd_.reset();
  if (!mounted_) return;
  try {
    bundle::unmount_rootfs(directory_);
  } catch (const Error& error) {
    log::warn(error.what());
  }
}

UniqueFd ContainerRoot::layers_of(const containers::Room& room, const containers::Facts& facts) {
  return open_path(cat(room.registry.directory(facts.id), "/rootfs"), O_RDONLY | O_DIRECTORY);
}

}  // namespace rocker::verbs
