#include "rocker-runc/cgroup/sub_cgroup.hh"

#include <algorithm>

#include "rocker-runc/cgroup/common.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

bool covers(const Mounted& hierarchy, std::string_view controller) {
  return controller.empty() || hierarchy.name == controller || hierarchy.has(controller);
}

}  // namespace

SubCgroups::SubCgroups(const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    const auto colon = option.find(':');
    const std::string_view path = std::string_view(option).substr(colon == option.npos ? 0 : colon + 1);
    if (path.empty())
      throw Error(cat("--cgroup: expected a path or CONTROLLER:PATH, found \"", printable(option), "\""));
    const std::string clean = checked_sub_cgroup(path);
    if (colon == option.npos || colon == 0) {
      if (options.size() > 1) {
        throw Error(cat("--cgroup: \"", printable(option),
                        "\" is for all controllers, and there is another --cgroup"))
            .hint("give each as CONTROLLER:PATH");
      }
      choices_.push_back({"", clean});
      continue;
    }
    for (const auto controller : split(std::string_view(option).substr(0, colon), ',')) {
      if (controller.empty())
        throw Error(cat("--cgroup: \"", printable(option), "\" has an empty controller name"));
      if (std::any_of(choices_.begin(), choices_.end(),
                      [&](const Choice& choice) { return choice.controller == controller; })) {
        throw Error(cat("--cgroup: the controller ", printable(controller), " is there twice"));
      }
      choices_.push_back({std::string(controller), clean});
    }
  }
}

std::string SubCgroups::in(const Mounted& hierarchy) const {
  for (const Choice& choice : choices_) {
    if (covers(hierarchy, choice.controller)) return choice.path;
  }
  return "";
}

void SubCgroups::check(const std::vector<const Mounted*>& hierarchies) const {
  for (const Choice& choice : choices_) {
    if (std::any_of(hierarchies.begin(), hierarchies.end(),
                    [&](const Mounted* hierarchy) { return covers(*hierarchy, choice.controller); })) {
      continue;
    }
    Error error(
        cat("--cgroup: \"", printable(choice.controller), "\" is no cgroup controller of this container"));
    if (hierarchies.size() == 1 && hierarchies.front()->v2)
      error.hint("cgroup v2 has one group for all controllers: give the path alone");
    throw error;
  }
}

}  // namespace rocker::cgroup
