#pragma once

#include <string>

#include "spec/support/fd.hh"

namespace rocker {

// An empty file without a name in a folder, to write and to read: gone with its descriptor. Throws Error.
UniqueFd scratch_file(const std::string& folder);

}  // namespace rocker
