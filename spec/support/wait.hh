#pragma once

#include <functional>

namespace rocker {

// Asks `done` with growing pauses, from 50 us to 10 ms, until it is true; false when the time is over. It is
// asked once at least.
bool wait_until(int deadline_ms, const std::function<bool()>& done);

}  // namespace rocker
