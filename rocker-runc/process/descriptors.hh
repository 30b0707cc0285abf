// The descriptors that the caller of the runtime passes on: --preserve-fds, LISTEN_FDS.
#pragma once

#include <vector>

namespace rocker::process {

// First of all in main, before anything is opened: remembers how many descriptors from 3 on the caller has
// left open without a gap.
void note_inherited_descriptors();

// Throws when the caller asks for more to be preserved than it has passed: what the runtime has opened itself
// (folders of the host) would take their numbers and reach the container (CVE-2024-21626).
void check_inherited_descriptors(int preserve);

// For a container's init before it waits for start, which may take days: closes what is neither standard, nor
// preserved, nor in `keep`. Pipes of the caller would not end, folders of the host be in reach of whoever may
// trace the init.
void close_all_but(std::vector<int> keep, int preserve);

}  // namespace rocker::process
