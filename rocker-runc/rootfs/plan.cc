#include "rocker-runc/rootfs/plan.hh"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "rocker-runc/cgroup/manager.hh"
#include "rocker-runc/rootfs/host_device.hh"
#include "rocker-runc/rootfs/sysctl.hh"
#include "rocker-runc/sys/mount.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

// A path as the container names it: absolute, without "." and "..", which in a root mean nothing else than
// themselves.
std::string normal(const std::string& path) {
  return absolute_path(path.starts_with('/') ? path : cat("/", path));
}

class Planner {
 public:
  Planner(const PlanInput& input, bool open_sources) : input_(input), open_(open_sources) {}

  Plan make() {
    if (!own_mounts()) refuse_mounts();
    root();
    for (std::size_t i = 0; i < config().mounts.size(); ++i) {
      const std::string origin = cat("/mounts/", i);
      with_context([&] { return cat("config.json: ", origin); }, [&] { mount(origin, config().mounts[i]); });
    }
    if (!dev_is_bound()) devices();
    add("/hooks", RunHooks{input_.hooks_in_runtime, !config().hooks.create_container.empty()});
    add("/root", Pivot{input_.no_pivot || !own_mounts()});
    finish();
    return std::move(plan_);
  }

 private:
  const spec::Config& config() const { return input_.config; }
  const spec::Linux& linux_part() const { return input_.config.linux_; }
  bool user_namespace() const { return linux_part().find(spec::NamespaceType::user) != nullptr; }
  bool own_mounts() const { return linux_part().creates(spec::NamespaceType::mount); }

  // In a mount namespace that is not the container's alone the runtime changes its root and nothing else:
  // what it mounted there would be the host's, or another container's.
  void refuse_mounts() const {
    const auto refuse = [](std::string_view member, std::string_view what) {
      throw Error(
          cat("config.json: ", member, ": ", what, " in a mount namespace that is not the container's own"))
          .hint("add {\"type\": \"mount\"} without a path to /linux/namespaces");
    };
    if (!config().mounts.empty()) refuse("/mounts/0", "can't be mounted");
    if (config().root.readonly) refuse("/root/readonly", "can't be set");
    if (!linux_part().masked_paths.empty()) refuse("/linux/maskedPaths", "can't be masked");
    if (!linux_part().readonly_paths.empty()) refuse("/linux/readonlyPaths", "can't be made read-only");
    if (propagation() != 0) refuse("/linux/rootfsPropagation", "can't be set");
    if (config().process && config().process->terminal)
      refuse("/process/terminal", "/dev/console can't be mounted");
    if (user_namespace()) refuse("/linux/devices", "the devices of a user namespace can't be mounted");
  }

  void add(std::string origin, Action action) { plan_.push_back({std::move(origin), std::move(action)}); }

  std::string on_host(const std::string& path) const {
    return absolute_path(path.starts_with('/') ? path : cat(input_.bundle, "/", path));
  }

  // Without the right to copy mounts here, init has it in its own namespaces and goes by path.
  static UniqueFd tree_of(const std::string& path, bool recursive) {
    UniqueFd tree = sys::try_clone_tree(AT_FDCWD, path, recursive);
    if (!tree && errno != EPERM) throw system_error(path);
    return tree;
  }

  void root() {
    AttachRoot step;
    step.path = on_host(config().root.path);
    step.attach = own_mounts();
    step.at_own_path = input_.hooks_in_runtime || !config().hooks.create_container.empty();
    // In a namespace that is joined the path may name something else.
    if (open_ && step.attach) {
      with_context([&] { return std::string("config.json: /root/path"); },
                   [&] {
                     struct stat st {};
                     if (::stat(step.path.c_str(), &st) < 0) throw system_error(step.path);
                     if (!S_ISDIR(st.st_mode)) throw Error(cat(step.path, ": is not a directory"), ENOTDIR);
                     step.tree = tree_of(step.path, true);
                   });
    }
    add("/root/path", std::move(step));
  }

  void mount(const std::string& origin, const spec::Mount& m) {
    MountOptions options = parse_mount_options(m.options);
    const std::string destination = normal(m.destination);
    if (destination == "/") throw Error("destination \"/\": the root file system is given by /root/path");
    check_idmap(m, options);
    if (options.remount) {
      add(origin, Remount{destination, std::move(options)});
    } else if (options.bind) {
      bind(origin, m, destination, std::move(options));
    } else if (m.type == "cgroup") {
      cgroup(origin, m, destination, options);
    } else if (m.type == "cgroup2") {
      unified(origin, m, destination, options);
    } else {
      filesystem(origin, m, destination, std::move(options));
    }
  }

  void check_idmap(const spec::Mount& m, MountOptions& options) const {
    // Mappings without the option: taken for "idmap", as runc does; the option without mappings: the
    // container's own.
    if (options.idmap == MountOptions::IdMap::none && !m.uid_mappings.empty()) {
      options.idmap = MountOptions::IdMap::here;
    }
    if (options.idmap == MountOptions::IdMap::none) return;
    if (m.uid_mappings.empty() && linux_part().uid_mappings.empty()) {
      throw Error(
          "option \"idmap\": there are neither uidMappings and gidMappings nor a user namespace with "
          "mappings");
    }
    if (!options.bind) throw Error("option \"idmap\": is for bind mounts only");
  }

  void bind(const std::string& origin, const spec::Mount& m, const std::string& destination,
            MountOptions options) {
    if (m.source.empty()) throw Error("a bind mount needs a \"source\"");
    BindMount step;
    step.destination = destination;
    step.source = on_host(m.source);
    step.options = std::move(options);
    if (open_) {
      struct stat st {};
      if (::stat(step.source.c_str(), &st) < 0) {
        throw system_error(cat("source ", step.source)).hint("make it, or mend the mount's \"source\"");
      }
      step.is_directory = S_ISDIR(st.st_mode);
      step.device = st.st_dev;
      step.inode = st.st_ino;
      step.tree = tree_of(step.source, step.options.recursive);
    }
    add(origin, std::move(step));
  }

  void filesystem(const std::string& origin, const spec::Mount& m, const std::string& destination,
                  MountOptions options) {
    if (m.type.empty()) throw Error("has neither a \"type\" nor the option \"bind\"");
    NewMount step;
    step.destination = destination;
    step.type = m.type;
    step.source = m.source.empty() ? m.type : m.source;
    // In a tmpfs, and in /dev whatever it is, later mounts and devices still have to make their files.
    step.late_readonly = options.readonly() && (m.type == "tmpfs" || destination == "/dev");
    if (step.late_readonly) late_readonly_.push_back({origin, destination});
    if (!linux_part().mount_label.empty() && m.type != "proc" && m.type != "sysfs") {
      options.filesystem.push_back(cat("context=", linux_part().mount_label));
    }
    step.options = std::move(options);
    add(origin, std::move(step));
  }

  // On v2 one mount; on v1 a tmpfs with a directory a hierarchy and the host's links, read-only in the end.
  void cgroup(const std::string& origin, const spec::Mount& m, const std::string& destination,
              const MountOptions& options) {
    const bool pure_v2 = input_.hierarchies.size() == 1 && input_.hierarchies[0].name.empty();
    if (!pure_v2) {
      NewMount top;
      top.destination = destination;
      top.type = top.source = "tmpfs";
      top.options = options;
      top.options.filesystem = {"mode=755", "size=64k"};
      top.late_readonly = options.readonly();
      if (top.late_readonly) late_readonly_.push_back({origin, destination});
      add(origin, std::move(top));
    }
    for (const auto& hierarchy : input_.hierarchies) {
      hierarchy_at(hierarchy.name.empty() ? destination : cat(destination, "/", hierarchy.name), origin, m,
                   hierarchy, options);
      for (const auto& alias : hierarchy.aliases) {
        add(origin, MakeLink{cat(destination, "/", alias), hierarchy.name, false});
      }
    }
  }

  // cgroup v2 by its own name, on a hybrid host too, and where nobody has mounted it.
  void unified(const std::string& origin, const spec::Mount& m, const std::string& destination,
               const MountOptions& options) {
    for (const auto& hierarchy : input_.hierarchies) {
      if (hierarchy.v2) return hierarchy_at(destination, origin, m, hierarchy, options);
    }
    filesystem(origin, m, destination, options);
  }

  void hierarchy_at(const std::string& place, const std::string& origin, const spec::Mount& m,
                    const cgroup::Hierarchy& hierarchy, const MountOptions& options) {
    CgroupMount step;
    step.destination = place;
    step.type = hierarchy.v2 ? "cgroup2" : "cgroup";
    for (const auto option : split(hierarchy.mount_options, ',')) {
      if (!option.empty()) step.filesystem_options.emplace_back(option);
    }
    if (hierarchy.name.empty() || m.type == "cgroup2") {
      for (const auto& option : options.filesystem) step.filesystem_options.push_back(option);
    }
    step.options = options;
    step.options.filesystem.clear();
    cgroup_binds_.push_back({plan_.size(), cat(hierarchy.mount_point, "/", hierarchy.group)});
    add(origin, std::move(step));
  }

  bool dev_is_bound() const {
    return std::any_of(config().mounts.begin(), config().mounts.end(), [](const spec::Mount& m) {
      return normal(m.destination) == "/dev" && parse_mount_options(m.options).bind;
    });
  }

  void device(const std::string& origin, MakeDevice step) {
    // A user namespace's root may not make device nodes that work: the host's are bound instead.
    if ((user_namespace() || sys::in_user_namespace()) && step.type != 'p') {
      step.source = open_ ? host_device(step.path, step.type, step.number) : step.path;
      if (open_) step.tree = tree_of(step.source, false);
    }
    add(origin, std::move(step));
  }

  void devices() {
    static constexpr struct {
      const char* path;
      unsigned major, minor;
    } defaults[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
    const auto& asked = linux_part().devices;
    for (const auto& d : defaults) {
      const bool given = std::any_of(asked.begin(), asked.end(),
                                     [&](const spec::Device& other) { return normal(other.path) == d.path; });
      if (!given) device("/linux/devices", {d.path, 'c', makedev(d.major, d.minor), 0666, 0, 0, {}, {}});
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto& d = asked[i];
      const std::string origin = cat("/linux/devices/", i);
      const std::string path = normal(d.path);
      // That one is a link or a mount of the runtime's own.
      if (path == "/dev/ptmx") continue;
      MakeDevice step{path,
                      d.type == 'u' ? 'c' : d.type,
                      0,
                      d.file_mode.value_or(0666),
                      d.uid.value_or(0),
                      d.gid.value_or(0),
                      {},
                      {}};
      if (d.type != 'p')
        step.number = makedev(static_cast<unsigned>(d.major), static_cast<unsigned>(d.minor));
      with_context([&] { return cat("config.json: ", origin); }, [&] { device(origin, std::move(step)); });
    }
    // runtime-linux.md, "Dev symbolic links"
    add("/linux/devices", MakeLink{"/dev/fd", "/proc/self/fd", false});
    add("/linux/devices", MakeLink{"/dev/stdin", "/proc/self/fd/0", false});
    add("/linux/devices", MakeLink{"/dev/stdout", "/proc/self/fd/1", false});
    add("/linux/devices", MakeLink{"/dev/stderr", "/proc/self/fd/2", false});
    add("/linux/devices", MakeLink{"/dev/ptmx", "pts/ptmx", true});
  }

  unsigned long propagation() const {
    std::string_view name = linux_part().rootfs_propagation;
    if (name.empty()) return 0;
    unsigned long flags = 0;
    if (name.starts_with('r')) {
      flags = MS_REC;
      name.remove_prefix(1);
    }
    if (name == "shared") return flags | MS_SHARED;
    if (name == "slave") return flags | MS_SLAVE;
    return flags | (name == "unbindable" ? MS_UNBINDABLE : MS_PRIVATE);
  }

  void finish() {
    if (!config().hostname.empty()) host_name("/hostname", config().hostname, false);
    if (!config().domainname.empty()) host_name("/domainname", config().domainname, true);
    for (const auto& [key, value] : linux_part().sysctl) {
      add("/linux/sysctl", plan_sysctl(key, value, linux_part()));
    }
    for (auto& [origin, destination] : late_readonly_) {
      MountOptions options;
      options.bind = options.remount = true;
      options.set = MOUNT_ATTR_RDONLY;
      add(origin, Remount{destination, std::move(options)});
    }
    if (config().root.readonly) add("/root/readonly", ReadonlyRoot{});
    for (const auto& path : linux_part().readonly_paths)
      add("/linux/readonlyPaths", ReadonlyPath{normal(path)});
    for (const auto& path : linux_part().masked_paths) add("/linux/maskedPaths", MaskPath{normal(path)});
    if (propagation() != 0) add("/linux/rootfsPropagation", RootPropagation{propagation()});
  }

  void host_name(const char* origin, const std::string& name, bool domain) {
    if (!has_own(linux_part(), spec::NamespaceType::uts)) {
      throw Error(cat("config.json: ", origin,
                      ": would change the host's: the container has no uts namespace of its own"))
          .hint("add {\"type\": \"uts\"} to /linux/namespaces");
    }
    if (name.size() > 64)
      throw Error(cat("config.json: ", origin, ": is longer than 64 bytes, the kernel's most"));
    add(origin, SetHostname{name, domain});
  }

  struct Late {
    std::string origin, destination;
  };
  struct CgroupBind {
    std::size_t step;
    std::string group;
  };

  const PlanInput& input_;
  const bool open_;
  Plan plan_;
  std::vector<Late> late_readonly_;

 public:
  // Steps whose tree is the container's cgroup, which may not exist yet when the plan is made.
  std::vector<CgroupBind> cgroup_binds_;
};

}  // namespace

Plan make_plan(const PlanInput& input, bool open_sources) {
  Planner planner(input, open_sources);
  Plan plan = planner.make();
  if (open_sources && input.config.linux_.find(spec::NamespaceType::cgroup) == nullptr) {
    for (const auto& [step, group] : planner.cgroup_binds_) {
      std::get<CgroupMount>(plan[step].action).tree = sys::clone_tree(AT_FDCWD, group, false);
    }
  }
  return plan;
}

}  // namespace rocker::rootfs
