// Namespaces of another container's: "container:NAME" of --pid, --network, --userns and the others.
#pragma once

#include <string_view>

#include "rocker-image/bundle/options.hh"
#include "rocker-image/containers/containers.hh"

namespace rocker::containers {

// A container by what the user calls it; throws Error when it does not run.
struct Running {
  Facts facts;
  pid_t pid = 0;
};
Running running_container(const Registry& registry, std::string_view name);

// Of which containers these options join the namespaces: runtime-spec's type of the namespace, and the ID.
spec::StringMap joined_containers(const Registry& registry, const bundle::Options& options);

// config.json names a namespace that is joined by a process of the other container. That one may have been
// started again, and the process's number be somebody else's: names the process of now. Throws Error when a
// container does not run.
void rejoin(const Registry& registry, const Facts& facts);

}  // namespace rocker::containers
