// What happened to containers, images and volumes: ROOT/events, one JSON object a line, which every command
// that changes one appends to.
#pragma once

#include <string>
#include <string_view>

#include "rocker-image/containers/facts.hh"
#include "spec/image.hh"

namespace rocker::containers {

// docker's actions: create, start, die, stop, kill, pause, unpause, oom, rename, restart, update, copy,
// commit, export, exec_create, exec_start, destroy. `more`: attributes of this event alone. An event that
// can't be written is a warning: what it tells of has happened; no warning where nobody can write to the
// store.
void note_event(const std::string& root, std::string_view action, const Facts& facts,
                const spec::StringMap& more = {});

// import, load, save, tag, untag, delete.
void note_image_event(const std::string& root, std::string_view action, const spec::Reference& image);

// create, destroy.
void note_volume_event(const std::string& root, std::string_view action, const std::string& name);

std::string events_file(const std::string& root);

}  // namespace rocker::containers
