#include "rocker-image/verbs/container_root.hh"

#include <fcntl.h>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/bundle/rootfs.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

ContainerRoot::ContainerRoot(const containers::Room& room, const containers::Facts& facts)
    : directory_(room.registry.directory(facts.id)) {
  if (const auto users = bundle::load_record(directory_).users)
    user_namespace_ = bundle::make_user_namespace(*users);
  if (const auto live = look(room.registry, facts); live.pid != 0) {
    fd_ = open_path(cat("/proc/", live.pid, "/root"), O_PATH | O_DIRECTORY);
    return;
  }
  lock_ = room.registry.lock(facts.id);
  if (!bundle::is_mounted(directory_)) {
    bundle::mount(room.store, directory_, false);
    mounted_ = bundle::is_mounted(directory_);
  }
  fd_ = open_path(cat(directory_, "/rootfs"), O_PATH | O_DIRECTORY);
}

ContainerRoot::~ContainerRoot() {
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
