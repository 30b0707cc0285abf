// linux.seccomp (config-linux.md, "Seccomp"): compiled by libseccomp before the clone, loaded by one system
// call in the child.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "spec/config.hh"
#include "spec/support/fd.hh"

namespace rocker::process {

struct SeccompFilter {
  std::vector<sock_filter> program;
  unsigned flags = 0;     // SECCOMP_FILTER_FLAG_*
  bool notifies = false;  // SCMP_ACT_NOTIFY is used: a listener is wanted
};

// Throws for an action, operator, architecture or flag that does not exist, an errno where the action takes
// none, notification of the system calls that would deadlock the runtime (write). A system call
// that this libseccomp does not know is skipped with a debug line. System calls that are newer than the
// newest one the profile names give ENOSYS and not EPERM, so that programs fall back as on an older kernel.
SeccompFilter compile_seccomp(const spec::Seccomp& profile);

// In the child, as late as can be. With `notifies` the listener's descriptor is returned (close-on-exec).
UniqueFd load_seccomp(const SeccompFilter& filter);

// In the parent: sends the container process state and the listener to listenerPath ("The Container Process
// State"). `state_json` is the OCI state of the container.
void send_seccomp_listener(const spec::Seccomp& profile, int listener, pid_t pid,
                           const std::string& state_json);

// "2.5.4", of the library that compiles the filters.
std::string libseccomp_version();

// For `features`.
std::vector<std::string> known_seccomp_actions();
std::vector<std::string> known_seccomp_operators();
std::vector<std::string> known_seccomp_architectures();
std::vector<std::string> known_seccomp_flags();

}  // namespace rocker::process
