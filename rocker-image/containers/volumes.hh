// Volumes: ROOT/volumes/NAME/_data, and the folders of the host's that a container is given.
#pragma once

#include <signal.h>

#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/containers/containers.hh"

namespace rocker::containers {

// The folder to be mounted for a request. A missing volume is made; an anonymous one is noted down in facts.
// A missing folder of the host's is made for -v and refused for --mount.
std::string volume_source(const std::string& root, const bundle::VolumeRequest& request, Facts& facts);

// The signals that end a command: held back while a container is made, so that what is there is taken back.
sigset_t ending_signals();

// Fills new, empty volumes with what the image has at their place, with its owner and mode (docker's habit),
// and gives folders to the container's user where that was asked for (podman's "U").
void fill_volumes(const bundle::Made& made);

// The names of the containers that have the volume, also of those that are being made; but for the one with
// the ID `except`.
std::vector<std::string> volume_users(const Registry& registry, const std::string& name,
                                      std::string_view except = {});

// Who gives a container a volume holds this until it is noted down which; who removes one, from the question
// who uses it on.
FileLock lock_volumes(const std::string& root);

// Removes the volume unless a container uses it, other than `except`; gives the names of those that
// do. No error when there is none.
std::vector<std::string> remove_volume(const Registry& registry, const std::string& name,
                                       std::string_view except = {});

}  // namespace rocker::containers
