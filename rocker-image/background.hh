#pragma once

#include <string>
#include <vector>

namespace rocker {

// Deletes directory/name in a process of its own, which waits for nobody and holds nothing of the caller's
// open. A small tree is gone when this returns; a large one takes its time, and when the process is killed,
// Store::prune() finds what is left.
void remove_in_background(const std::string& directory, const std::string& name);

// Starts this program once more with these arguments, in a session of its own; it holds nothing of the
// caller's open, and nobody waits for it.
void go_on_in_background(const std::vector<std::string>& arguments);

}  // namespace rocker
