// The little of D-Bus that the systemd driver needs: calls to systemd's manager and waiting for its jobs.
// libsystemd is loaded when the first Bus is made (dlopen, announced in the ELF note .note.dlopen), so that
// it costs nobody else start-up time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rocker-runc/cgroup/systemd_properties.hh"

namespace rocker::cgroup {

class SystemdBus {
 public:
  // The system's systemd, or the user's own. Throws when the library or the bus is not there.
  explicit SystemdBus(bool user);
  ~SystemdBus();
  SystemdBus(const SystemdBus&) = delete;
  SystemdBus& operator=(const SystemdBus&) = delete;

  // 252, from the manager's Version.
  int version();

  // The group of the manager itself: "/" for the system's, "/user.slice/user-1000.slice/user@1000.service"
  // for a user's.
  std::string control_group();

  // Starts a transient unit and waits for the job. A failed unit of that name, left over, is reset first.
  // Throws unless the job's result is "done".
  void start_transient(const std::string& unit, const std::vector<Property>& properties);

  // Stops the unit and waits; a unit that is not there any more is no error. Resets it when it has failed, so
  // that nothing of it stays.
  void stop(const std::string& unit);

  void set_properties(const std::string& unit, const std::vector<Property>& properties);

  // Has systemd move a process into the unit's group, or into `sub_cgroup` ("" or "a/b") below it.
  void attach(const std::string& unit, const std::string& sub_cgroup, pid_t pid);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rocker::cgroup
