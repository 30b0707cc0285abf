// What --filter label= means, of images, containers, volumes and events.
#pragma once

#include <map>
#include <string>

namespace rocker {

// KEY or KEY=VALUE is among the labels.
bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted);

}  // namespace rocker
