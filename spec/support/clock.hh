#pragma once

#include <string>

namespace rocker {

// The time of day as RFC 3339 in UTC with nanoseconds: "2026-01-14T17:07:17.000000042Z".
std::string utc_now();

}  // namespace rocker
