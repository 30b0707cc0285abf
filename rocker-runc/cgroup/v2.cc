// The unified hierarchy alone: one group with everything in it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "rocker-runc/cgroup/common.hh"
#include "rocker-runc/cgroup/controllers.hh"
#include "rocker-runc/cgroup/detect.hh"
#include "rocker-runc/cgroup/devices.hh"
#include "rocker-runc/cgroup/journal.hh"
#include "rocker-runc/cgroup/resources.hh"
#include "rocker-runc/cgroup/stats.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

class V2 final : public Manager {
 public:
  V2(std::string path, const Saved& saved)
      : group_(std::move(path)),
        without_(group_.path().empty()),
        pending_(saved.pending),
        rootless_(saved.rootless) {}
  V2(std::string path, const Request& request, bool adopted)
      : group_(std::move(path)),
        adopted_(adopted),
        rootless_(request.rootless),
        resources_(request.resources),
        owner_(request.owner) {}

  void create() override;
  int birth_fd() const override { return without_ ? -1 : group_.fd(); }
  Entry entry() const override { return {.possible = true, .birth_fd = birth_fd()}; }
  using Manager::join;
  void join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) override;
  void update(const spec::Resources& resources, const Update& how) override;
  void freeze() override;
  void thaw() override;
  bool frozen() const override;
  void kill_all(int signal) override;
  std::vector<pid_t> processes() const override;
  Stats stats() const override { return stats_v2(group_); }
  std::uint64_t oom_kills() const override;
  void remove() override;
  bool exists() const override { return !without_ && group_.exists(); }
  std::vector<Hierarchy> hierarchies() const override;
  Saved saved() const override;

 private:
  const Mounted& mounted() const { return *host().unified(); }
  void give_to_owner() const;
  void set_devices(const std::vector<spec::DeviceRule>& rules, bool replace) const;
  void wait_frozen(bool frozen) const;

  Group group_;
  bool made_ = false;
  bool adopted_ = false;  // systemd's, with the container's process in it
  bool without_ = false;  // rootless, and this user may make no group
  bool pending_ = false;  // of a start that crashed: the group may be another container's
  bool rootless_;
  const spec::Resources* resources_ = nullptr;
  std::optional<uid_t> owner_;
};

void V2::create() {
  static const spec::Resources none;
  const spec::Resources& resources = resources_ != nullptr ? *resources_ : none;
  const auto needed = needed_v2_controllers(resources);
  std::vector<std::string> made;
  Defer undo([&] {
    for (auto path = made.rbegin(); path != made.rend(); ++path) ::rmdir(path->c_str());
  });
  try {
    made_ = group_.make(&made);
  } catch (const Error& error) {
    // Without limits to keep, a rootless container can live in the group of its maker.
    if (!rootless_ || !is_permission_error(error.errno_value()) || !needed.empty()) throw;
    without_ = true;
    return;
  }
  if (!adopted_ && !group_.claim()) {
    // Then it is the other's, whoever of the two has made it.
    if (made_) made.pop_back();
    throw in_use(group_);
  }
  if (!adopted_ && !made_ && !group_.empty()) throw in_use(group_);
  // Also a new group is frozen when one above it is.
  if (group_.number("cgroup.events", "frozen").value_or(0) != 0) {
    throw Error(cat("the cgroup ", group_.path(), " is frozen"), EBUSY)
        .hint("thaw it, or the one above it, or give another cgroupsPath");
  }
  enable_controllers(mounted().mount_point, group_, needed, true, made_);
  set_devices(resources.devices, !made_);
  set_v2(group_, resources);
  if (owner_) give_to_owner();
  undo.dismiss();
}

// config-linux.md, "Cgroup ownership": the group and the files that the kernel says are to be delegated.
void V2::give_to_owner() const {
  if (::fchown(group_.fd(), *owner_, static_cast<gid_t>(-1)) < 0)
    throw system_error(cat("chown ", group_.path()));
  const auto delegated = read_file_if_exists(AT_FDCWD, "/sys/kernel/cgroup/delegate", 65536);
  for (const auto name :
       split(delegated ? trim(*delegated) : "cgroup.procs\ncgroup.subtree_control\ncgroup.threads", '\n')) {
    const std::string file(name);
    if (::fchownat(group_.fd(), file.c_str(), *owner_, static_cast<gid_t>(-1), AT_SYMLINK_NOFOLLOW) < 0 &&
        errno != ENOENT) {
      throw system_error(cat("chown ", group_.path(), "/", file));
    }
  }
}

void V2::join(pid_t pid, const SubCgroups& sub_cgroups, pid_t beside) {
  if (without_) return;
  sub_cgroups.check({&mounted()});
  const std::string below = sub_cgroups.in(mounted());
  const std::string value = std::to_string(pid);
  const std::string file = below.empty() ? "cgroup.procs" : cat(below, "/cgroup.procs");
  int why = group_.try_write(file, value);
  if (why == EBUSY && below.empty() && beside > 0) {
    const auto groups = groups_of(beside);
    if (const auto own = groups.find(""); own != groups.end()) {
      why = Group(cat(mounted().mount_point, own->second)).try_write("cgroup.procs", value);
    }
  }
  if (why == 0) return;
  Error error = group_.write_error(file, value, why);
  if (why == EBUSY) {
    error.hint(
        "the group hands controllers down and can hold no processes (cgroups(7), \"no internal processes\"); "
        "give a group below it with --cgroup");
  } else if (why == EOPNOTSUPP) {
    error.hint("the group is threaded, or below one that is (cgroups(7), \"Thread mode\")");
  } else if (why == ENOENT && !below.empty()) {
    error.hint("the group has to exist");
  }
  throw error;
}

void V2::set_devices(const std::vector<spec::DeviceRule>& rules, bool replace) const {
  try {
    attach_device_program(group_.fd(), device_rules(rules), replace);
  } catch (const Error& error) {
    if (!rootless_ || !is_permission_error(error.errno_value())) throw;
  }
}

void V2::update(const spec::Resources& resources, const Update& how) {
  Journal journal;
  journal.watch(group_);
  enable_controllers(mounted().mount_point, group_, needed_v2_controllers(resources), false, false);
  set_v2(group_, resources);
  finish_update(resources, how,
                [&](const std::vector<spec::DeviceRule>& rules) { set_devices(rules, true); });
  journal.keep();
}

void V2::wait_frozen(bool frozen) const {
  const UniqueFd events = open_at(group_.fd(), "cgroup.events", O_RDONLY);
  const std::string_view wanted = frozen ? "frozen 1" : "frozen 0";
  // The file wakes its pollers when it changes.
  for (int rounds = 0; rounds < 20; ++rounds) {
    char buffer[256];
    const ssize_t got = ::pread(events.get(), buffer, sizeof buffer, 0);
    if (got < 0) throw system_error(cat("read ", group_.path(), "/cgroup.events"));
    if (std::string_view(buffer, static_cast<std::size_t>(got)).find(wanted) != std::string_view::npos)
      return;
    pollfd wait{events.get(), POLLPRI, 0};
    ::poll(&wait, 1, 100);
  }
  throw Error(cat("cgroup: ", group_.path(), " could not be ", frozen ? "frozen" : "thawed", " within 2 s"),
              EBUSY)
      .hint(frozen ? "a process in it is in an uninterruptible sleep" : "a group above it is frozen");
}

void V2::freeze() {
  group_.write("cgroup.freeze", "1");
  try {
    wait_frozen(true);
  } catch (const Error&) {
    group_.try_write("cgroup.freeze", "0");
    throw;
  }
}

void V2::thaw() {
  group_.write("cgroup.freeze", "0");
  wait_frozen(false);
}

bool V2::frozen() const {
  if (without_ || !group_.exists()) return false;
  return group_.number("cgroup.events", "frozen").value_or(0) != 0;
}

void V2::kill_all(int signal) {
  if (without_ || pending_ || !group_.exists()) return;
  if (signal == SIGKILL) {
    const int why = group_.try_write("cgroup.kill", "1");  // Linux 5.14; frozen processes die as well
    if (why == 0) return;
    if (why != ENOENT && why != EOPNOTSUPP) throw group_.write_error("cgroup.kill", "1", why);
  }
  signal_all(*this, signal);
}

std::vector<pid_t> V2::processes() const {
  if (pending_ || !exists()) return {};
  return group_.processes(true);
}

std::uint64_t V2::oom_kills() const {
  if (!exists()) return 0;
  return group_.number("memory.events", "oom_kill").value_or(0);
}

void V2::remove() {
  if (pending_) {
    group_.remove_if_empty(crash_deadline_ms);
    return;
  }
  if (!without_) group_.remove(remove_deadline_ms);
}

std::vector<Hierarchy> V2::hierarchies() const {
  const std::string group = without_ ? "" : group_.path().substr(mounted().mount_point.size() + 1);
  return {{.name = "",
           .aliases = {},
           .mount_point = mounted().mount_point,
           .mount_options = "",
           .group = group,
           .v2 = true}};
}

Saved V2::saved() const {
  Saved saved{.driver = Driver::cgroupfs, .rootless = rootless_, .scope = "", .paths = {}};
  if (!without_) saved.paths.emplace("unified", group_.path());
  return saved;
}

}  // namespace

std::unique_ptr<Manager> plan_v2(const Request& request) {
  const std::string& mount_point = host().unified()->mount_point;
  std::string relative = checked_cgroups_path(request.cgroups_path);
  if (relative.empty()) {
    // Beside the caller's own group and not below it: that one has processes (the caller), so it can't hand
    // down controllers (runc's choice as well). A caller in the root is the exception.
    const auto own = groups_of(0);
    const auto entry = own.find("");
    std::string parent = entry != own.end() ? entry->second : "/";
    parent.resize(parent.rfind('/'));
    relative = cat(parent, "/", request.container_id);
    relative.erase(0, 1);
  }
  return std::make_unique<V2>(cat(mount_point, "/", relative), request, false);
}

std::unique_ptr<Manager> adopt_v2(const Saved& saved, const Request& request) {
  return std::make_unique<V2>(saved.paths.at("unified"), request, true);
}

std::unique_ptr<Manager> load_v2(const Saved& saved) {
  const auto path = saved.paths.find("unified");
  if (path == saved.paths.end()) {
    if (saved.rootless) return std::make_unique<V2>("", saved);
    throw Error("the state of the container has no path of its cgroup")
        .hint("it was made when this host had cgroup v1; `delete --force` removes what is left");
  }
  return std::make_unique<V2>(path->second, saved);
}

}  // namespace rocker::cgroup
