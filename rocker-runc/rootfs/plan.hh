#pragma once

#include <string>
#include <vector>

#include "rocker-runc/rootfs/steps.hh"
#include "spec/config.hh"

namespace rocker::cgroup {
struct Hierarchy;
}

namespace rocker::rootfs {

struct PlanInput {
  const spec::Config& config;
  std::string bundle;  // absolute
  bool no_pivot = false;
  // Asked for only when config.json has a mount of type "cgroup".
  std::vector<cgroup::Hierarchy> hierarchies;
  bool hooks_in_runtime = false;  // hooks or network devices wait for the mounts
};

// Works out the steps and opens what they need of the host. Without `open_sources` nothing of the host is
// opened or looked at (unit tests). Throws for a source that is missing, a type that can't be, a sysctl that
// no namespace of the container makes safe, ...; each Error names the member of config.json.
Plan make_plan(const PlanInput& input, bool open_sources = true);

}  // namespace rocker::rootfs
