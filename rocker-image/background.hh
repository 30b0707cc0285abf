#pragma once

#include <string>

namespace rocker {

// Deletes directory/name in a process of its own, which waits for nobody and holds nothing of the caller's
// open. A small tree is gone when this returns; a large one takes its time, and when the process is killed,
// Store::prune() finds what is left.
void remove_in_background(const std::string& directory, const std::string& name);

}  // namespace rocker
