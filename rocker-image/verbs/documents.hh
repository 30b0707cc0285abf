// The JSON of inspect, one object each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/verbs/verb.hh"
#include "spec/config.hh"
#include "spec/json.hh"

namespace rocker::verbs {

// `size`: with what it has written.
std::string container_json(const Room& room, Facts facts, bool size);

// docker's HostConfig: what the caller asked for, and the limits as they are now.
void write_host_config(json::Writer& w, const Facts& facts, const spec::Config& config);

// Throws "No such volume: ...".
std::string volume_json(const Room& room, const std::string& name);
bool volume_exists(const Room& room, const std::string& name);

// docker's sets: an object with an empty object for each name, or null.
void write_names(json::Writer& w, std::string_view member, const std::vector<std::string>& names);

}  // namespace rocker::verbs
