// Device nodes of the host, for a user namespace, whose root may not make nodes that work: they are bound.
#pragma once

#include <sys/types.h>

#include <string>

namespace rocker::rootfs {

// The host's node of the device, type 'c' or 'b': the one at `path` when it is that device, else the one that
// the kernel names in sysfs (/sys/dev). Throws Error when the host has neither.
std::string host_device(const std::string& path, char type, dev_t number);

}  // namespace rocker::rootfs
