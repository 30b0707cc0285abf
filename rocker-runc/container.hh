// A container as later commands find it: a directory ROOT/ID with
//   state.json   what is known about it (Record), replaced atomically
//   config.json  the config that it was made from, which later changes of the bundle's do not reach
//   start.sock   while it is created and not started: init listens on it
//   lock         an OFD lock; whoever changes the container holds it
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rocker-runc/cgroup/manager.hh"
#include "rocker-runc/intel_rdt.hh"
#include "spec/config.hh"
#include "spec/state.hh"
#include "spec/support/lock.hh"

namespace rocker {

enum class Status { creating, created, running, paused, stopped };
std::string_view name(Status status);

struct Record {
  std::string id;
  std::string bundle;   // absolute
  std::string rootfs;   // absolute
  std::string created;  // RFC 3339, UTC
  uid_t owner = 0;
  pid_t pid = 0;                 // of init, as the runtime sees it; 0: none yet
  std::uint64_t start_time = 0;  // of that process (proc(5), field 22): a pid is used again, the pair is not
  cgroup::Saved cgroup;
  IntelRdtState intel_rdt;
  spec::StringMap annotations;
  std::string session_keyring;
  bool notify_socket = false;
  std::optional<std::vector<spec::DeviceRule>> devices;  // once an update has changed those of the config
};

// Checks an ID: letters, digits, "_", "+", "-", ".", at most 255 bytes, not "." or "..". Throws.
void check_container_id(const std::string& id);

class Container {
 public:
  // Reserves the ID: makes ROOT/ID. Throws when it is in use. The directory is removed again by abandon().
  static Container make(const std::string& root, Record record);
  // Throws `container "x" does not exist`; an Error with errno EBADMSG when its state.json is broken.
  static Container load(const std::string& root, const std::string& id);
  // For `delete --force` of a container whose state is broken: only the directory is known.
  static Container broken(const std::string& root, const std::string& id);

  // Every ID below ROOT, sorted; none when ROOT does not exist.
  static std::vector<std::string> list(const std::string& root);

  const Record& record() const { return record_; }
  Record& record() { return record_; }
  const std::string& id() const { return record_.id; }
  int directory_fd() const { return directory_.get(); }
  std::string path(const std::string& file) const;

  void save() const;
  void save_config(const std::string& text) const;
  spec::Config config() const;

  // Waits for the lock. The container may have been deleted meanwhile: then it throws as load does.
  FileLock lock(FileLock::Mode mode = FileLock::Mode::exclusive) const;

  // What the container is now, found out by looking at its process, its socket and its cgroup.
  Status status() const;
  // Its init, by pidfd, if that process still lives and is the one that was recorded.
  UniqueFd init_pidfd() const;
  bool init_alive() const;

  spec::State oci_state(std::string_view status) const;

  cgroup::Manager& cgroups() const;
  // The same, for what can't be done without: throws "cannot VERB container" when the user who made the
  // container could make no group for it.
  cgroup::Manager& need_cgroups(std::string_view verb) const;

  // Removes ROOT/ID.
  void remove_directory();

 private:
  Container(std::string root, Record record) : root_(std::move(root)), record_(std::move(record)) {}
  bool waits_for_start() const;
  // Of one without a state.json: somebody is about to make it, or to remove it.
  bool comes_or_goes() const;

  std::string root_;
  Record record_;
  UniqueFd directory_;
  mutable std::shared_ptr<cgroup::Manager> cgroups_;
};

}  // namespace rocker
