// Restart policies: whether a container that has ended is started again.
#pragma once

#include "rocker-image/containers/lifecycle.hh"

namespace rocker::containers {

// Of one whose end is in its facts.
bool wants_restart(const Facts& facts);

// The delay is over: false when the container was stopped, started or removed meanwhile. Else the caller is
// its starter now, and has to be.
bool restart_now(const Room& room, const Facts& then);

}  // namespace rocker::containers
