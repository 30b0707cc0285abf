// read(2), as often as it takes.
#pragma once

#include <cstddef>
#include <string_view>

namespace rocker {

// Fills `at` as far as there is something to read, and returns how much that is: less than `size` only at the
// end. Throws Error with `name`.
std::size_t read_up_to(int fd, char* at, std::size_t size, std::string_view name);

}  // namespace rocker
