// The systemd driver: a container is a transient scope, made by systemd on our behalf with the container's
// first process in it. Below that it is cgroupfs: the scope is delegated (systemd.resource-control(5),
// "Delegate="), and what systemd has no property for is written to the files of the group.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "rocker-runc/cgroup/common.hh"
#include "rocker-runc/cgroup/detect.hh"
#include "rocker-runc/cgroup/sdbus.hh"
#include "rocker-runc/cgroup/stats.hh"
#include "rocker-runc/cgroup/systemd_properties.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

bool user_bus() {
  return ::geteuid() != 0 || sys::in_user_namespace();
}

class Systemd final : public Manager {
 public:
  explicit Systemd(const Request& request)
      : request_(request), name_(scope_name(request.cgroups_path, request.container_id, user_bus())) {
    if (request.annotations != nullptr) annotated_ = annotated_properties(*request.annotations);
    inner_ = adopt(expected_group());
  }
  Systemd(const Saved& saved, std::unique_ptr<Manager> inner)
      : inner_(std::move(inner)), started_(true), ours_(!saved.pending) {
    name_.unit = saved.scope;
    request_.rootless = saved.rootless;
  }

  void create() override {
    // A scope needs a process: it is made by join(). What can fail without one fails now.
    properties(0);
  }
  int birth_fd() const override { return started_ ? inner_->birth_fd() : -1; }
  Entry entry() const override { return started_ ? inner_->entry() : Entry(); }
  using Manager::join;
  void join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) override;
  void update(const spec::Resources& resources, const Update& how) override;
  void freeze() override { inner_->freeze(); }
  void thaw() override { inner_->thaw(); }
  bool frozen() const override { return inner_->frozen(); }
  // A unit of this name that was there before, and all that is in it, is another container's.
  void kill_all(int signal) override {
    if (ours_) inner_->kill_all(signal);
  }
  std::vector<pid_t> processes() const override { return inner_->processes(); }
  Stats stats() const override { return inner_->stats(); }
  std::uint64_t oom_kills() const override { return inner_->oom_kills(); }
  void remove() override;
  bool exists() const override { return inner_->exists(); }
  std::vector<Hierarchy> hierarchies() const override { return inner_->hierarchies(); }
  Saved saved() const override;

 private:
  SystemdBus& bus() const {
    if (!bus_) bus_ = std::make_unique<SystemdBus>(user_bus());
    return *bus_;
  }
  static bool v2() { return host().mode == Host::Mode::unified; }
  std::vector<Property> properties(pid_t pid) const;
  std::string expected_group() const;
  std::unique_ptr<Manager> adopt(const std::string& group) const;
  void complete_quota(spec::CpuResources& cpu) const;

  Request request_;
  ScopeName name_;
  std::vector<Property> annotated_;
  std::unique_ptr<Manager> inner_;  // the files of the group
  bool started_ = false;
  bool ours_ = false;
  mutable std::unique_ptr<SystemdBus> bus_;
};

std::vector<Property> Systemd::properties(pid_t pid) const {
  const Variant yes = Variant::of(true);
  std::vector<Property> list{{"Description", Variant::of(cat("rocker container ", request_.container_id))}};
  list.emplace_back("Slice", Variant::of(name_.slice));
  list.emplace_back("Delegate", yes);
  list.emplace_back("PIDs",
                    Variant{.signature = "au",
                            .elements = {{.signature = "u", .number = static_cast<std::uint64_t>(pid)}}});
  // A controller that is joined later has not counted what was there before.
  for (const char* accounting : {"MemoryAccounting", "CPUAccounting", "TasksAccounting"})
    list.emplace_back(accounting, yes);
  list.emplace_back(v2() ? "IOAccounting" : "BlockIOAccounting", yes);
  list.emplace_back("DefaultDependencies", Variant::of(false));
  static const spec::Resources none;
  for (auto& property : resource_properties(request_.resources != nullptr ? *request_.resources : none, v2(),
                                            false, bus().version())) {
    list.push_back(std::move(property));
  }
  // Annotations win over what was worked out: systemd takes the last of two.
  list.insert(list.end(), annotated_.begin(), annotated_.end());
  return list;
}

// Where systemd will put the unit: a slice "a-b.slice" is in "a.slice" (systemd.slice(5)), all of it below
// the manager's own group, which for the system's is the root.
std::string Systemd::expected_group() const {
  std::string group = user_bus() ? bus().control_group() : "";
  while (group.ends_with('/')) group.pop_back();
  return cat(group, slice_path(name_.slice), "/", name_.unit);
}

// A manager of the files at this path, where the groups are systemd's, or on v1 in part still to be made by
// us.
std::unique_ptr<Manager> Systemd::adopt(const std::string& group) const {
  Saved saved;
  saved.rootless = request_.rootless;
  for (const auto& mounted : host().hierarchies) {
    saved.paths.emplace(mounted.name.empty() ? "unified" : mounted.name, cat(mounted.mount_point, group));
  }
  return v2() ? adopt_v2(saved, request_) : adopt_v1(saved, request_);
}

void Systemd::join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) {
  if (!started_) {
    bus().start_transient(name_.unit, properties(pid));
    ours_ = true;
    const auto groups = groups_of(pid);
    const auto own = groups.find(v2() ? "" : "name=systemd");
    // Any other group is somebody else's, perhaps the caller's own: nothing may be set or killed there.
    if (own == groups.end() || !own->second.ends_with(cat("/", name_.unit))) {
      throw Error(cat("systemd: the unit ", name_.unit, " is started, but the process is in no group of it"));
    }
    if (own->second != expected_group()) inner_ = adopt(own->second);
    // The scope lives as long as its process: when this throws, the caller kills that.
    inner_->create();
    started_ = true;
    if (!v2()) inner_->join(pid);
    return;
  }
  try {
    inner_->join(pid, sub_cgroups, beside);
  } catch (const Error& error) {
    // Out of another user's group the kernel lets only systemd move a process.
    if (!is_permission_error(error.errno_value())) throw;
    const Mounted* own = host().find(v2() ? "" : "systemd");
    bus().attach(name_.unit, own != nullptr ? sub_cgroups.in(*own) : "", pid);
  }
}

void Systemd::update(const spec::Resources& resources, const Update& how) {
  bus();  // without one nothing is begun
  if (resources.unified.contains("memory.oom.group")) {
    log::warn(
        "memory.oom.group: systemd takes it from the start of a unit alone, and may write its own again");
  }
  const auto tell_systemd = [&] {
    if (how.last) how.last();
    spec::Resources whole = resources;
    // systemd has quota and period as one number: of the two, the one that an update leaves alone is wanted
    // as well.
    if (whole.cpu.quota.has_value() != whole.cpu.period.has_value()) complete_quota(whole.cpu);
    // So has "cpu.max", which may leave out the period that is in force.
    if (const auto file = whole.unified.find("cpu.max"); file != whole.unified.end() && v2()) {
      file->second = read_file(cat(inner_->saved().paths.at("unified"), "/cpu.max"), 4096);
    }
    bus().set_properties(name_.unit, resource_properties(whole, v2(), true, bus().version()));
  };
  // The files first: what the kernel refuses is refused before systemd knows of it. (systemd would say
  // nothing, and a memory limit of its that is below the usage kills.)
  inner_->update(resources, {.devices_before = how.devices_before, .last = tell_systemd});
  // systemd has written its own, coarser numbers.
  inner_->update(resources, {.devices_before = how.devices_before});
}

// Fills in the quota or the period that the group has now. On v1 they are two files of the controller's
// hierarchy, on v2 one, "QUOTA PERIOD" with "max" for no quota.
void Systemd::complete_quota(spec::CpuResources& cpu) const {
  const Mounted* mounted = v2() ? host().unified() : host().controller("cpu");
  const auto paths = inner_->saved().paths;
  const auto path = paths.find(mounted == nullptr || mounted->name.empty() ? "unified" : mounted->name);
  if (path == paths.end()) return;
  const auto read = [&](const char* file) {
    return read_file_if_exists(AT_FDCWD, cat(path->second, "/", file), 4096).value_or("");
  };
  const std::string text = v2() ? read("cpu.max") : cat(read("cpu.cfs_quota_us"), read("cpu.cfs_period_us"));
  const auto gap = text.find_first_of(" \n");
  if (gap == text.npos) return;
  long long quota = -1;
  unsigned long long period = 0;
  const std::string_view first = std::string_view(text).substr(0, gap);
  if (first != "max" && !parse_number(first, quota)) return;
  if (!parse_number(trim(std::string_view(text).substr(gap + 1)), period)) return;
  if (!cpu.quota) cpu.quota = quota;
  if (!cpu.period) cpu.period = period;
}

void Systemd::remove() {
  if (!ours_) return;
  try {
    bus().stop(name_.unit);
  } catch (const Error& error) {
    // Without a bus the groups can still be removed.
    log::warn(error.what());
  }
  inner_->remove();
}

Saved Systemd::saved() const {
  Saved saved = inner_->saved();
  saved.pending = !ours_;
  saved.driver = Driver::systemd;
  saved.rootless = request_.rootless;
  saved.scope = name_.unit;
  return saved;
}

}  // namespace

std::unique_ptr<Manager> plan_systemd(const Request& request) {
  return std::make_unique<Systemd>(request);
}

std::unique_ptr<Manager> load_systemd(const Saved& saved) {
  auto inner = host().mode == Host::Mode::unified ? load_v2(saved) : load_v1(saved);
  return std::make_unique<Systemd>(saved, std::move(inner));
}

}  // namespace rocker::cgroup
