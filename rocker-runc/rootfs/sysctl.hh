// linux.sysctl (config-linux.md, "Sysctl").
#pragma once

#include <string>

#include "rocker-runc/rootfs/steps.hh"
#include "spec/config.hh"

namespace rocker::rootfs {

// Throws for a key that would change the host: one that belongs to no namespace, or to one that the container
// has not.
WriteSysctl plan_sysctl(const std::string& key, const std::string& value, const spec::Linux& linux_part);

// True when the container has a namespace of that type which is not the one that the runtime is in.
bool has_own(const spec::Linux& linux_part, spec::NamespaceType type);

// In the container's namespaces. proc_fd is a real procfs.
void write_sysctl(int proc_fd, const WriteSysctl& step);

}  // namespace rocker::rootfs
