#include "rocker-runc/cgroup/controllers.hh"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string_view>

#include "rocker-runc/cgroup/detect.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

struct Refusal {
  std::string path;
  int errno_value;
};

bool has(std::string_view list, std::string_view name) {
  const auto words = split(list, ' ');
  return std::find(words.begin(), words.end(), name) != words.end();
}

// cgroups(7): only these can be used by a threaded group.
bool is_threaded_controller(std::string_view name) {
  return name == "cpu" || name == "cpuset" || name == "pids" || name == "perf_event" || name == "cgroup";
}

std::string hint_for(int errno_value, const std::string& path) {
  switch (errno_value) {
    case EBUSY:
      return cat("there are processes in ", path,
                 " itself, and a group that hands controllers down can have none (cgroups(7), \"no internal "
                 "processes\"); give another cgroupsPath or move them");
    case EACCES:
    case EPERM:
      return cat(path,
                 " is not delegated to this user; with systemd: Delegate=yes in a unit "
                 "(systemd.resource-control(5))");
    case ENOENT: return cat("the group above ", path, " does not hand it down");
    case EOPNOTSUPP:
      return cat(path,
                 " is threaded, and this controller is for whole processes (cgroups(7), \"Thread mode\")");
    case EINVAL:
      return "cpu can't be enabled while real-time processes are outside the root group "
             "(CONFIG_RT_GROUP_SCHED)";
    case EROFS: return "the cgroup file system is mounted read-only";
    default: return "";
  }
}

[[noreturn]] void throw_missing(const std::string& controller, const Group& group, const std::string& offered,
                                const std::map<std::string, Refusal>& refusals) {
  if (!has(offered, controller)) {
    Error error(
        cat("cgroup v2: the controller ", controller, " is not there, and the configuration needs it"));
    const Mounted* v1 = host().controller(controller);
    error.hint(v1 != nullptr ? cat("it is in use by cgroup v1, mounted at ", v1->mount_point)
                             : "this kernel has none, or it is disabled at boot (cgroup_disable=)");
    throw error;
  }
  const auto refusal = refusals.find(controller);
  if (refusal == refusals.end()) {
    throw Error(cat("cgroup v2: the controller ", controller, " could not be enabled for ", group.path()));
  }
  throw system_error(
      cat("cgroup v2: enable the controller ", controller, " for ", group.path(), ": write \"+", controller,
          "\" to ", refusal->second.path, "/cgroup.subtree_control"),
      refusal->second.errno_value)
      .hint(hint_for(refusal->second.errno_value, refusal->second.path));
}

void check_type(const Group& group, const std::vector<std::string>& needed, bool made) {
  const auto type = group.read_if_exists("cgroup.type");
  if (!type || *type == "domain") return;
  for (const auto& controller : needed) {
    if (is_threaded_controller(controller)) continue;
    throw Error(cat("cgroup v2: ", group.path(), " is of the type \"", *type, "\", in which the controller ",
                    controller, " can't be used"))
        .hint("a group above it is threaded, or holds processes and is no domain; give another cgroupsPath");
  }
  // Below a threaded group nothing but threaded groups can hold processes.
  if (*type == "domain invalid" && made) group.write("cgroup.type", "threaded");
}

}  // namespace

void enable_controllers(const std::string& mount_point, const Group& group,
                        const std::vector<std::string>& needed, bool all, bool made) {
  if (!all && needed.empty()) return;
  const std::string offered = Group(mount_point).read("cgroup.controllers");
  std::string present = group.read("cgroup.controllers");
  const auto is_missing = [&](const std::string& name) { return !has(present, name); };
  std::map<std::string, Refusal> refusals;
  std::vector<std::string> wanted;
  if (all) {
    for (const auto name : split(offered, ' ')) {
      if (!name.empty() && !has(present, name)) wanted.emplace_back(name);
    }
  } else {
    std::copy_if(needed.begin(), needed.end(), std::back_inserter(wanted),
                 [&](const std::string& name) { return is_missing(name) && has(offered, name); });
  }
  if (!wanted.empty()) {
    for (std::size_t end = mount_point.size(); end < group.path().size();) {
      const Group ancestor(group.path().substr(0, end));
      std::string line;
      for (const auto& name : wanted) line += cat(line.empty() ? "+" : " +", name);
      if (const int all_why = ancestor.try_write("cgroup.subtree_control", line); all_why != 0) {
        // One that is refused takes the others with it: one by one. Not in a group that has processes: the
        // threaded controllers alone would be taken, and make it and all below it threaded.
        std::optional<std::string> handed_down;
        for (const auto& name : wanted) {
          const int why =
              all_why == EBUSY ? EBUSY : ancestor.try_write("cgroup.subtree_control", cat("+", name));
          if (why == 0) continue;
          // One that hands it down already refuses nothing.
          if (!handed_down) handed_down = ancestor.read_if_exists("cgroup.subtree_control").value_or("");
          if (!has(*handed_down, name)) refusals.try_emplace(name, Refusal{ancestor.path(), why});
        }
      }
      end = std::min(group.path().find('/', end + 1), group.path().size());
    }
    present = group.read("cgroup.controllers");
    check_type(group, needed, made);
  }
  for (const auto& name : needed) {
    if (is_missing(name)) throw_missing(name, group, offered, refusals);
  }
}

}  // namespace rocker::cgroup
