// What happened to containers: ROOT/events, one JSON object a line, which every command that changes one
// appends to.
#pragma once

#include <string>
#include <string_view>

#include "rocker-image/containers/facts.hh"

namespace rocker::containers {

// docker's actions: create, start, die, stop, kill, pause, unpause, oom, rename, destroy. An event that can't
// be written is a warning: what it tells of has happened.
void note_event(const std::string& root, std::string_view action, const Facts& facts);

std::string events_file(const std::string& root);

}  // namespace rocker::containers
