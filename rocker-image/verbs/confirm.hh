// The question before something is removed that nobody has named.
#pragma once

#include <string_view>

namespace rocker::verbs {

// docker's: "WARNING! This will remove WHAT." on stderr, and a line of stdin that says yes. False without an
// answer, as from a script: that says --force.
bool confirmed(bool force, std::string_view what);

}  // namespace rocker::verbs
