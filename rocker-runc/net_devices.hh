// linux.netDevices (config-linux.md, "Network Devices"): moves devices of the host into the container's
// network namespace with rtnetlink(7).
#pragma once

#include <map>
#include <string>

#include "spec/config.hh"

namespace rocker {

// In the parent, when the container's network namespace exists: moves each device, renamed when asked ("%d"
// makes a template), with its permanent global addresses, and sets it up. The network namespace is entered by
// the calling thread for a moment and left again. Throws when a device is missing or its new name is taken;
// the devices moved before are moved back.
void move_net_devices(const std::map<std::string, spec::NetDevice>& devices, int netns_fd);

// Sets the loopback device of the current network namespace up; in the child, in a new namespace.
void set_loopback_up();

}  // namespace rocker
