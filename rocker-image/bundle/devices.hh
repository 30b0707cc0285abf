// --device and --privileged: nodes of the host's for the container, and the right to use them.
#pragma once

#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

// "PATH[:PATH_IN_CONTAINER[:rwm]]"; a folder stands for all nodes below it. Adds to devices and rules.
void add_device(std::string_view text, spec::Linux& out);

// Every node below /dev but those that a container has of its own.
void add_all_devices(spec::Linux& out);

}  // namespace rocker::bundle
