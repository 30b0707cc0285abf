// `exec`: one more process in a running container.
#pragma once

#include <string>
#include <vector>

#include "rocker-runc/container.hh"
#include "spec/config.hh"

namespace rocker {

struct ExecOptions {
  std::string console_socket;
  std::string pid_file;
  std::string pidfd_socket;
  std::vector<std::string> sub_cgroups;  // --cgroup, below the container's own
  int preserve_fds = 0;
  bool detach = false;
  bool ignore_paused = false;
};

// Starts the process in the container's namespaces and cgroup. Returns its exit status, or 0 at once when
// detached.
int exec_in_container(Container& container, const spec::Process& process, const ExecOptions& options);

}  // namespace rocker
