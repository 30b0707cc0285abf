#pragma once

#include <functional>

#include "rocker-runc/rootfs/steps.hh"

namespace rocker::rootfs {

// What the steps share while they are carried out, in the clone.
struct Context {
  enum class Place { not_attached, over_slash, own_path };
  UniqueFd root;  // the root file system, later "/"
  Place root_is = Place::not_attached;
  UniqueFd proc;  // procfs of the host, opened by the parent and known to be one
  bool user_namespace = false;
  std::function<void(const RunHooks&)> run_hooks;
  std::function<void()>
      after_pivot;           // the terminal: its /dev/console needs the new root, and /dev still writable
  UniqueFd empty_directory;  // masks.cc: one read-only tmpfs for all masked directories
};

// Carries out one step after the other. An Error gets the step's origin as context: "/mounts/3: mount ...".
void apply(Plan& plan, Context& context);

}  // namespace rocker::rootfs
