// What runs inside: the clone that makes the container's root file system, waits for start and becomes the
// container's process.
#pragma once

#include <string>

#include "rocker-runc/cgroup/manager.hh"
#include "rocker-runc/channel.hh"
#include "rocker-runc/namespaces.hh"
#include "rocker-runc/process/plan.hh"
#include "rocker-runc/rootfs/steps.hh"
#include "spec/config.hh"
#include "spec/state.hh"

namespace rocker {

struct InitPlan {
  const spec::Config* config = nullptr;
  NamespacePlan namespaces;
  rootfs::Plan steps;
  process::ProcessPlan process;
  cgroup::Manager::Entry cgroup;  // the way in that is the clone's own
  spec::State state;              // for the hooks that run inside
  UniqueFd start_socket;    // `create`: where start is waited for; without it (`run`) the channel says it
  UniqueFd console_socket;  // where the terminal's master goes, when there is a terminal
  UniqueFd proc;            // the host's /proc
};

// In the clone. Sends an Error through the channel when something fails, and ends.
[[noreturn]] void run_init(InitPlan& plan, Channel channel);

// In the first of two clones (NamespacePlan::staged): enters what has to be entered first, then clones init
// as its own parent's child and ends. The caller must be the clone.
[[noreturn]] void run_stage(InitPlan& plan, Channel channel);

// Closes what a clone has of its parent's and is not to keep, and puts its signals in order.
void prepare_clone();

}  // namespace rocker
