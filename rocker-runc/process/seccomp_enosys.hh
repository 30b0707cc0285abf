// ENOSYS for system calls that a seccomp profile can't know (config-linux.md, "Seccomp", has nothing on it:
// it is what runc does).
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::process {

// A program to put before the filter: a system call with a number above the largest one that the profile
// names for its architecture gives ENOSYS, everything else falls through. A profile that was written before
// clone3 or faccessat2 existed would answer EPERM, which no C library takes for "this kernel is older". Empty
// when the default action lets such calls through or gives ENOSYS by itself. `architectures` are SCMP_ARCH_*
// tokens.
std::vector<sock_filter> enosys_stub(const spec::Seccomp& profile,
                                     const std::vector<std::uint32_t>& architectures);

}  // namespace rocker::process
