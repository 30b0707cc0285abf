// cgroup v1, and hybrid hosts, where some controllers or none are in a unified hierarchy beside: the
// container has a group in every hierarchy that is mounted below /sys/fs/cgroup.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "rocker-runc/cgroup/common.hh"
#include "rocker-runc/cgroup/controllers.hh"
#include "rocker-runc/cgroup/detect.hh"
#include "rocker-runc/cgroup/devices_v1.hh"
#include "rocker-runc/cgroup/journal.hh"
#include "rocker-runc/cgroup/resources.hh"
#include "rocker-runc/cgroup/stats.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "spec/support/wait.hh"

namespace rocker::cgroup {

namespace {

struct Member {
  const Mounted* mounted;
  Group group;
  bool made = false;
  UniqueFd entry;
};

class V1 final : public Manager {
 public:
  V1(std::vector<Member> members, const Saved& saved)
      : members_(std::move(members)), rootless_(saved.rootless), pending_(saved.pending) {}
  V1(std::vector<Member> members, const Request& request, bool adopted)
      : members_(std::move(members)),
        rootless_(request.rootless),
        adopted_(adopted),
        resources_(request.resources) {}

  void create() override;
  Entry entry() const override;
  using Manager::join;
  void join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) override;
  void update(const spec::Resources& resources, const Update& how) override;
  void freeze() override;
  void thaw() override;
  bool frozen() const override;
  void kill_all(int signal) override;
  std::vector<pid_t> processes() const override;
  Stats stats() const override;
  std::uint64_t oom_kills() const override;
  void remove() override;
  bool exists() const override;
  std::vector<Hierarchy> hierarchies() const override;
  Saved saved() const override;

 private:
  const Member* find_unified() const;
  const Group* find(std::string_view controller) const;
  const Group& freezer() const;
  void check_fit() const;
  void set(const spec::Resources& resources);
  void set_devices(const std::vector<spec::DeviceRule>& rules, bool update);
  void inherit_cpuset(const Member& member) const;

  mutable std::vector<Member> members_;
  bool rootless_;
  bool adopted_ = false;
  bool pending_ = false;  // of a start that crashed: the groups may be another container's
  const spec::Resources* resources_ = nullptr;
};

const Member* V1::find_unified() const {
  return !members_.empty() && members_.back().mounted->v2 ? &members_.back() : nullptr;
}

const Group* V1::find(std::string_view controller) const {
  for (const auto& member : members_) {
    if (member.mounted->has(controller)) return &member.group;
  }
  return nullptr;
}

const Group& V1::freezer() const {
  if (const Group* group = find("freezer")) return *group;
  throw Error("the container has no group of the freezer controller")
      .hint("mount the freezer controller below /sys/fs/cgroup (cgroups(7))");
}

// A cpuset group takes no process before it has CPUs and memory nodes, and gets none at birth: from the group
// above. Groups on the way that somebody else has made and never filled are filled as well, as runc does it.
void V1::inherit_cpuset(const Member& member) const {
  const std::string& path = member.group.path();
  for (auto end = path.find('/', member.mounted->mount_point.size() + 1);; end = path.find('/', end + 1)) {
    const Group group(path.substr(0, end));
    const bool last = end == path.npos;
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
      // The last one will get the value of the configuration.
      if (last && resources_ != nullptr) {
        const auto& cpu = resources_->cpu;
        if (!(std::string_view(file) == "cpuset.cpus" ? cpu.cpus : cpu.mems).empty()) continue;
      }
      if (!group.read(file).empty()) continue;
      group.write(file, Group(group.path().substr(0, group.path().rfind('/'))).read(file));
    }
    if (last) return;
  }
}

void V1::create() {
  std::vector<std::string> made;
  Defer undo([&] {
    for (auto path = made.rbegin(); path != made.rend(); ++path) ::rmdir(path->c_str());
  });
  for (auto member = members_.begin(); member != members_.end();) {
    try {
      member->made = member->group.make(&made);
      if (!adopted_ && !member->group.claim()) {
        // Then it is the other's, whoever of the two has made it.
        if (member->made) made.pop_back();
        throw in_use(member->group);
      }
      if (member->mounted->has("cpuset")) inherit_cpuset(*member);
    } catch (const Error& error) {
      if (!rootless_ || !is_permission_error(error.errno_value())) throw;
      // What this user may not have, the container does without.
      member = members_.erase(member);
      continue;
    }
    ++member;
  }
  if (!adopted_) check_fit();
  static const spec::Resources none;
  const spec::Resources& resources = resources_ != nullptr ? *resources_ : none;
  set_devices(resources.devices, false);
  set(resources);
  undo.dismiss();
}

// config-linux.md, "Control groups": an error for a frozen or a non-empty group.
void V1::check_fit() const {
  for (const auto& member : members_) {
    if (!member.made && !member.group.empty()) throw in_use(member.group);
  }
  // Also a new group is frozen when one above it is.
  if (const Group* group = find("freezer"); group != nullptr && group->read("freezer.state") != "THAWED") {
    throw Error(cat("the cgroup ", group->path(), " is frozen"), EBUSY)
        .hint("thaw it, or the one above it, or give another cgroupsPath");
  }
}

Manager::Entry V1::entry() const {
  Entry entry{.possible = true};
  for (auto& member : members_) {
    if (member.mounted->v2) {
      entry.birth_fd = member.group.fd();
      continue;
    }
    if (!member.entry) {
      member.entry.reset(::openat(member.group.fd(), "tasks", O_WRONLY | O_CLOEXEC));
      if (!member.entry) throw system_error(cat("open ", member.group.path(), "/tasks"));
    }
    entry.tasks.push_back(member.entry.get());
  }
  return entry;
}

void V1::join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) {
  std::vector<const Mounted*> hierarchies;
  for (const auto& member : members_) hierarchies.push_back(member.mounted);
  sub_cgroups.check(hierarchies);
  const std::string value = std::to_string(pid);
  for (const auto& member : members_) {
    const std::string below = sub_cgroups.in(*member.mounted);
    const std::string file = below.empty() ? "cgroup.procs" : cat(below, "/cgroup.procs");
    int why = member.group.try_write(file, value);
    if (why == EBUSY && member.mounted->v2 && beside > 0) {
      const auto groups = groups_of(beside);
      if (const auto own = groups.find(""); own != groups.end()) {
        why = Group(cat(member.mounted->mount_point, own->second)).try_write("cgroup.procs", value);
      }
    }
    if (why == 0) continue;
    // A unified group with sub-groups of the container's own holds no processes; its controllers are v1's
    // here.
    if (member.mounted->v2 && (why == EBUSY || why == EOPNOTSUPP)) continue;
    throw member.group.write_error(file, value, why);
  }
}

void V1::set_devices(const std::vector<spec::DeviceRule>& rules, bool update) {
  const Member* unified = find_unified();
  set_devices_v1(find("devices"), unified != nullptr ? &unified->group : nullptr,
                 {.update = update, .made = unified != nullptr && unified->made, .rootless = rootless_},
                 rules);
}

void V1::update(const spec::Resources& resources, const Update& how) {
  Journal journal;
  for (const auto& member : members_) journal.watch(member.group);
  set(resources);
  finish_update(resources, how,
                [&](const std::vector<spec::DeviceRule>& rules) { set_devices(rules, true); });
  journal.keep();
}

void V1::set(const spec::Resources& resources) {
  // What only the unified hierarchy has: "unified" itself, and controllers that v1 has left to it.
  const Member* unified = find_unified();
  const bool v2_hugepages =
      !resources.hugepage_limits.empty() && find("hugetlb") == nullptr && unified != nullptr;
  if (!resources.unified.empty() && unified == nullptr) {
    throw Error("/linux/resources/unified: this host has no cgroup v2 hierarchy")
        .hint("use the members of linux.resources that v1 has as well");
  }
  if (v2_hugepages || !resources.unified.empty()) {
    spec::Resources part;
    part.unified = resources.unified;
    if (v2_hugepages) part.hugepage_limits = resources.hugepage_limits;
    enable_controllers(unified->mounted->mount_point, unified->group, needed_v2_controllers(part), false,
                       unified->made);
  }
  const FindGroup find_group = [&](std::string_view controller) { return find(controller); };
  if (v2_hugepages) {
    spec::Resources rest = resources;
    rest.hugepage_limits.clear();
    set_v1(find_group, rest);
    set_hugepages(unified->group, resources.hugepage_limits, "max");
  } else {
    set_v1(find_group, resources);
  }
  if (unified != nullptr) set_v2_unified(unified->group, resources);
}

void V1::freeze() {
  const Group& group = freezer();
  // A group that keeps forking may need more than one attempt, with a moment in which it runs.
  for (int attempt = 0; attempt < 20; ++attempt) {
    group.write("freezer.state", "FROZEN");
    if (wait_until(100, [&] { return group.read("freezer.state") == "FROZEN"; })) return;
    group.write("freezer.state", "THAWED");
  }
  throw Error(cat("cgroup freezer: ", group.path(), " could not be frozen within 2 s"), EBUSY)
      .hint("a process in it is in an uninterruptible sleep");
}

void V1::thaw() {
  const Group& group = freezer();
  group.write("freezer.state", "THAWED");
  if (group.read("freezer.state") != "THAWED")
    throw Error(cat("the cgroup ", group.path(), " is still frozen"), EBUSY)
        .hint("a group above it is frozen");
}

bool V1::frozen() const {
  const Group* group = find("freezer");
  if (group == nullptr || !group->exists()) return false;
  return group->read("freezer.state") != "THAWED";
}

void V1::kill_all(int signal) {
  if (pending_) return;
  const Member* unified = find_unified();
  if (signal == SIGKILL && unified != nullptr && unified->group.exists()) {
    // Linux 5.14; only when what v1 counts is all in there too (a join can be refused there).
    if (processes().size() <= unified->group.processes(true).size() &&
        unified->group.try_write("cgroup.kill", "1") == 0) {
      if (frozen()) thaw();
      return;
    }
  }
  signal_all(*this, signal);
}

std::vector<pid_t> V1::processes() const {
  if (pending_) return {};
  // Any hierarchy has all of them; the devices' is the one in which a container without privileges can't move
  // them.
  const Group* group = find("devices");
  if (group == nullptr && !members_.empty()) group = &members_.front().group;
  if (group == nullptr || !group->exists()) return {};
  return group->processes(true);
}

Stats V1::stats() const {
  return stats_v1([&](std::string_view controller) { return find(controller); },
                  find_unified() != nullptr ? &find_unified()->group : nullptr);
}

std::uint64_t V1::oom_kills() const {
  const Group* group = find("memory");
  if (group == nullptr || !group->exists()) return 0;
  return group->number("memory.oom_control", "oom_kill").value_or(0);
}

void V1::remove() {
  std::optional<Error> first;
  int patience_ms = crash_deadline_ms;
  for (const auto& member : members_) {
    try {
      if (pending_) {
        // What does not leave one of the groups does not leave the others either.
        if (!member.group.remove_if_empty(patience_ms)) patience_ms = 0;
      } else {
        member.group.remove(remove_deadline_ms);
      }
    } catch (const Error& error) {
      if (rootless_ && is_permission_error(error.errno_value())) continue;
      if (!first) first = error;
    }
  }
  if (first) throw *first;
}

bool V1::exists() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const Member& member) { return member.group.exists(); });
}

std::vector<Hierarchy> V1::hierarchies() const {
  std::vector<Hierarchy> found;
  for (const auto& mounted : host().hierarchies) {
    Hierarchy hierarchy{.name = mounted.name,
                        .aliases = mounted.aliases,
                        .mount_point = mounted.mount_point,
                        .mount_options = mounted.mount_options(),
                        .group = "",
                        .v2 = mounted.v2};
    for (const auto& member : members_) {
      if (member.mounted != &mounted) continue;
      hierarchy.group = member.group.path().substr(mounted.mount_point.size() + 1);
    }
    // One in which the container has no group is not the container's to see.
    if (!hierarchy.group.empty()) found.push_back(std::move(hierarchy));
  }
  return found;
}

Saved V1::saved() const {
  Saved saved{.driver = Driver::cgroupfs, .rootless = rootless_, .scope = "", .paths = {}};
  for (const auto& member : members_) saved.paths.emplace(member.mounted->name, member.group.path());
  return saved;
}

// Where a new group below the caller's own is, in one hierarchy.
std::string below_own_group(const Mounted& mounted,
                            const std::map<std::string, std::string, std::less<>>& own,
                            const std::string& id) {
  const auto entry =
      own.find(mounted.v2 ? std::string_view() : std::string_view(mounted.controllers.front()));
  std::string parent = entry != own.end() ? entry->second : "/";
  while (parent.ends_with('/')) parent.pop_back();
  // In a container without a cgroup namespace of its own the path is the host's, and what is mounted is the
  // part that belongs to it: its own group is the mount's root then.
  if (!parent.empty() && ::access(cat(mounted.mount_point, parent).c_str(), F_OK) < 0) parent.clear();
  return cat(mounted.mount_point, parent, "/", id);
}

}  // namespace

std::unique_ptr<Manager> plan_v1(const Request& request) {
  const std::string relative = checked_cgroups_path(request.cgroups_path);
  const auto own = relative.empty() ? groups_of(0) : std::map<std::string, std::string, std::less<>>();
  std::vector<Member> members;
  for (const auto& mounted : host().hierarchies) {
    members.push_back({&mounted,
                       Group(relative.empty() ? below_own_group(mounted, own, request.container_id)
                                              : cat(mounted.mount_point, "/", relative)),
                       false,
                       {}});
  }
  return std::make_unique<V1>(std::move(members), request, false);
}

static std::vector<Member> members_at(const std::map<std::string, std::string>& paths) {
  std::vector<Member> members;
  for (const auto& mounted : host().hierarchies) {
    const auto path = paths.find(mounted.name);
    if (path != paths.end()) members.push_back({&mounted, Group(path->second), false, {}});
  }
  return members;
}

std::unique_ptr<Manager> adopt_v1(const Saved& saved, const Request& request) {
  return std::make_unique<V1>(members_at(saved.paths), request, true);
}

std::unique_ptr<Manager> load_v1(const Saved& saved) {
  return std::make_unique<V1>(members_at(saved.paths), saved);
}

}  // namespace rocker::cgroup
