// Seccomp profiles: the default one, and those in docker's own format.
#pragma once

#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

// The default profile for a process with these capabilities ("CAP_CHOWN").
spec::Seccomp default_seccomp(const std::vector<std::string>& capabilities);

// A profile in docker's format (the OCI's with archMap, includes, excludes and minKernel) or in the OCI's
// own, resolved for this machine, its kernel and these capabilities. Throws Error that names file and JSON
// pointer.
spec::Seccomp read_seccomp_profile(const std::string& path, const std::vector<std::string>& capabilities);

// SCMP_ARCH_ names: this machine's and those whose programs it runs too.
std::vector<std::string> native_architectures();

}  // namespace rocker::bundle
