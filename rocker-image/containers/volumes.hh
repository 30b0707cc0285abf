// Volumes: ROOT/volumes/NAME/_data, and the folders of the host's that a container is given.
#pragma once

#include <string>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/containers/facts.hh"

namespace rocker::containers {

// The folder to be mounted for a request. A missing volume is made; an anonymous one is noted down in facts.
// A missing folder of the host's is made for -v and refused for --mount.
std::string volume_source(const std::string& root, const bundle::VolumeRequest& request, Facts& facts);

// Fills new, empty volumes with what the image has at their place, with its owner and mode (docker's habit),
// and gives folders to the container's user where that was asked for (podman's "U").
void fill_volumes(const bundle::Made& made);

// No error when there is none.
void remove_volume(const std::string& root, const std::string& name);

}  // namespace rocker::containers
