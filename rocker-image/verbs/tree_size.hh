#pragma once

#include <cstdint>
#include <string>

namespace rocker::verbs {

// The sum of the sizes of all files below a folder, symbolic links not followed; 0 when there is none.
std::uint64_t tree_size(const std::string& path);

}  // namespace rocker::verbs
