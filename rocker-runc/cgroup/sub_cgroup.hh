// exec --cgroup: which group below the container's own a process is put into, in each hierarchy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rocker-runc/cgroup/detect.hh"

namespace rocker::cgroup {

// The options as given: one path for all hierarchies, or each "CONTROLLER[,CONTROLLER...]:PATH", no
// controller twice. A path is relative to the container's group and stays below it. The constructor throws
// Error.
class SubCgroups {
 public:
  SubCgroups() = default;
  explicit SubCgroups(const std::vector<std::string>& options);

  bool empty() const { return choices_.empty(); }
  // The path in a hierarchy, "" for the container's own group.
  std::string in(const Mounted& hierarchy) const;
  // Throws for a controller that is in none of the hierarchies.
  void check(const std::vector<const Mounted*>& hierarchies) const;

 private:
  struct Choice {
    std::string controller;  // "": all
    std::string path;
  };
  std::vector<Choice> choices_;
};

}  // namespace rocker::cgroup
