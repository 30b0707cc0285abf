// NOTIFY_SOCKET (sd_notify(3)): a service manager's socket can't be reached from inside the container, so the
// container gets one of its own at /run/notify/notify.sock, and the runtime passes READY=1 on.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker {

class NotifySocket {
 public:
  // For `create`, when the caller's environment has NOTIFY_SOCKET: makes the directory, adds its mount to the
  // config and the variable to the container's environment. False when there is nothing to do.
  static bool prepare(const std::string& directory, spec::Config& config, std::vector<std::string>& env);

  // For `start` and `run`: binds the socket in that directory.
  static NotifySocket bind(const std::string& directory);

  NotifySocket() = default;
  explicit operator bool() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // Reads one message; READY=1 is passed on to the caller's NOTIFY_SOCKET, with MAINPID. True when it was
  // that.
  bool relay(pid_t main_pid) const;

  // Relays until the service is ready or its process (pidfd) has ended: for a command that detaches.
  void wait(int pidfd, pid_t main_pid) const;

 private:
  explicit NotifySocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace rocker
