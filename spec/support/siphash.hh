#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rocker {

// SipHash with one compression and three finalisation rounds (Aumasson and Bernstein, 2012), both keys zero.
// It names things; it is no defence against somebody who looks for collisions.
std::uint64_t sip_hash_13(std::string_view data);

// At least `digits` lower-case hexadecimal digits.
std::string hexadecimal(std::uint64_t number, std::size_t digits);

}  // namespace rocker
