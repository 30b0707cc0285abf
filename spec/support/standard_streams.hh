#pragma once

namespace rocker {

// First of all in main: what was closed of descriptors 0 to 2 is /dev/null from then on, to be read only, so
// that no file of ours takes its place. Writing there fails as on a closed one.
void open_standard_streams();

}  // namespace rocker
