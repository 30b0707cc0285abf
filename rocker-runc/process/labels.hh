// AppArmor profiles and SELinux labels of a process (config.md: apparmorProfile, selinuxLabel).
#pragma once

#include <string>

#include "spec/support/fd.hh"

namespace rocker::process {

bool apparmor_enabled();
bool selinux_enabled();

// Before the clone: throws, naming what is missing, when a profile or label is asked for on a host without
// that LSM (an "unconfined" profile is always fine).
void check_labels(const std::string& apparmor_profile, const std::string& selinux_label);

// In the child, right before execve: written to /proc/thread-self/attr/{apparmor/exec,exec}. `proc_fd` is a
// descriptor of a procfs that is known to be real (checked by the caller with statfs), opened before
// pivot_root.
void set_exec_labels(int proc_fd, const std::string& apparmor_profile, const std::string& selinux_label);

}  // namespace rocker::process
