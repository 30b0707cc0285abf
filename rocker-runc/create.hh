// Making, starting and destroying a container: the parent's side of the drawing in spec/README.md, "How a
// container is made".
#pragma once

#include <string>

#include "rocker-runc/channel.hh"
#include "rocker-runc/container.hh"
#include "rocker-runc/process/plan.hh"
#include "spec/config.hh"

namespace rocker {

struct CreateOptions {
  std::string root;
  std::string id;
  std::string bundle;
  std::string config;          // a file instead of config.json in the bundle; empty for that
  std::string console_socket;  // path
  std::string pid_file;
  std::string pidfd_socket;
  int preserve_fds = 0;
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool detach = true;          // false: a foreground run, which serves the terminal itself
  bool start_at_once = false;  // run: started by start_created() of the same process
  bool rootless = false;
  cgroup::Driver cgroup_driver = cgroup::Driver::cgroupfs;
};

struct Created {
  Container container;
  spec::Config config;
  UniqueFd pidfd;
  Channel channel;   // with start_at_once
  UniqueFd console;  // the terminal's master, of a foreground run with a terminal
};

// `create`: the container is there, its process waits for start. When it throws, nothing is left.
Created create_container(const CreateOptions& options);

}  // namespace rocker
