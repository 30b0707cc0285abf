#pragma once

#include <string>
#include <string_view>

namespace rocker {

// What a file that is no archive of a file system is by its first 33 KiB, for a message: "a zip archive";
// empty when that is not known.
std::string describe_content(std::string_view head);

}  // namespace rocker
