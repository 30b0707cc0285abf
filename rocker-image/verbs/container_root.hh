// A container's root file system, whether it runs or not.
#pragma once

#include <string>

#include "rocker-image/containers/lifecycle.hh"
#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker::verbs {

// While this lives the root can be used: a running container's as it sees it itself, with its volumes; a
// stopped one's is mounted, and nobody can start it meanwhile.
class ContainerRoot {
 public:
  // Of a stopped one: its layers alone, or also what would be mounted in it. Then this thread moves to a
  // mount namespace of its own, where the host's mounts are as they were, and read-only is what would be.
  enum class Mounts { none, shown };
  ContainerRoot(const containers::Room& room, const containers::Facts& facts, Mounts mounts = Mounts::none);
  ~ContainerRoot();
  ContainerRoot(const ContainerRoot&) = delete;
  ContainerRoot& operator=(const ContainerRoot&) = delete;

  int fd() const { return fd_.get(); }
  // In which the owners of its files are numbered as in the container (see Inside); -1 with the host's users.
  int user_namespace() const { return user_namespace_.get(); }
  // A running container's root without what is mounted in it: its layers only.
  static UniqueFd layers_of(const containers::Room& room, const containers::Facts& facts);

 private:
  void show_mounts(const containers::Facts& facts);
  void show_mount(const spec::Mount& mount);
  void unmount();

  std::string directory_;
  FileLock lock_;
  bool mounted_ = false;
  UniqueFd fd_, user_namespace_;
};

}  // namespace rocker::verbs
