// The descriptors that the caller of the runtime passes on: --preserve-fds, LISTEN_FDS.
#pragma once

namespace rocker::process {

// First of all in main, before anything is opened: remembers how many descriptors from 3 on the caller has
// left open without a gap.
void note_inherited_descriptors();

// Throws when the caller asks for more to be preserved than it has passed: what the runtime has opened itself
// (folders of the host) would take their numbers and reach the container (CVE-2024-21626).
void check_inherited_descriptors(int preserve);

}  // namespace rocker::process
