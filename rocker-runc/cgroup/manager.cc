#include "rocker-runc/cgroup/manager.hh"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "rocker-runc/cgroup/common.hh"
#include "rocker-runc/cgroup/detect.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

std::unique_ptr<Manager> Manager::plan(const Request& request) {
  if (request.driver == Driver::systemd) return plan_systemd(request);
  return host().mode == Host::Mode::unified ? plan_v2(request) : plan_v1(request);
}

std::unique_ptr<Manager> Manager::load(const Saved& saved) {
  if (saved.driver == Driver::systemd) return load_systemd(saved);
  return host().mode == Host::Mode::unified ? load_v2(saved) : load_v1(saved);
}

void enter(const Manager::Entry& entry) {
  for (const int fd : entry.tasks) {
    if (::write(fd, "0", 1) >= 0) continue;
    const int why = errno;
    char path[512];
    const ssize_t length = ::readlink(cat("/proc/self/fd/", fd).c_str(), path, sizeof path);
    throw system_error(cat("cgroup: write \"0\" to ",
                           std::string_view(path, length > 0 ? static_cast<std::size_t>(length) : 0)),
                       why);
  }
}

static std::string checked(std::string_view path, std::string_view what) {
  std::string clean;
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      throw Error(cat(what, ": \"", printable(path), "\" has \"..\" in it"))
          .hint("give the path without, counted from the mount points of the cgroup file systems");
    }
    if (part.size() > 255)
      throw Error(cat(what, ": a part of \"", printable(path), "\" is longer than 255 bytes"));
    if (part.find('\n') != part.npos)
      throw Error(cat(what, ": \"", printable(path), "\" has a line end in it"));
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (clean.empty()) {
    throw Error(
        cat(what, ": \"", printable(path), "\" is the root of the hierarchies, which is no container's"))
        .hint("give the path of a group of the container's own");
  }
  return clean;
}

std::string checked_cgroups_path(const std::string& cgroups_path) {
  return cgroups_path.empty() ? "" : checked(cgroups_path, "/linux/cgroupsPath");
}

std::string checked_sub_cgroup(std::string_view path) {
  return checked(path, "--cgroup");
}

void finish_update(const spec::Resources& resources, const Manager::Update& how,
                   const std::function<void(const std::vector<spec::DeviceRule>&)>& set_devices) {
  try {
    if (!resources.devices.empty()) set_devices(resources.devices);
    if (how.last) how.last();
  } catch (...) {
    if (!resources.devices.empty()) {
      try {
        set_devices(how.devices_before);
      } catch (const Error& error) {
        log::warn(cat("update: the device rules stay changed: ", error.what()));
      }
    }
    throw;
  }
}

Error in_use(const Group& group) {
  return Error(cat("the cgroup ", group.path(), " is not empty"), EBUSY)
      .hint("another container uses it: give a cgroupsPath of its own");
}

bool is_permission_error(int errno_value) {
  return errno_value == EACCES || errno_value == EPERM || errno_value == EROFS;
}

void signal_all(Manager& manager, int signal) {
  const bool was_frozen = manager.frozen();
  // A group that can't be frozen (rootless on v1, a container that is gone) is signalled all the same.
  bool froze = false;
  if (!was_frozen) {
    try {
      manager.freeze();
      froze = true;
    } catch (const Error&) {
    }
  }
  int failed = 0;
  for (const pid_t pid : manager.processes()) {
    if (pid == ::getpid()) continue;
    if (::kill(pid, signal) < 0 && errno != ESRCH && failed == 0) failed = errno;
  }
  // What is frozen on v1 dies when it is thawed.
  if (froze || (was_frozen && signal == SIGKILL)) manager.thaw();
  if (failed != 0) throw system_error("signal the processes of the container", failed);
}

}  // namespace rocker::cgroup
