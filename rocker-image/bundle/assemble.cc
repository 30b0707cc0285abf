#include "rocker-image/bundle/assemble.hh"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "rocker-image/bundle/capabilities.hh"
#include "rocker-image/bundle/defaults.hh"
#include "rocker-image/bundle/devices.hh"
#include "rocker-image/bundle/etc_files.hh"
#include "rocker-image/bundle/seccomp.hh"
#include "rocker-image/bundle/users.hh"
#include "rocker-image/bundle/values.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

// The process's environment: a later value takes the place of an earlier one, the order stays.
class Environment {
 public:
  void set(std::string_view name, std::string_view value) {
    auto line = cat(name, "=", value);
    if (std::string* old = find(name)) {
      *old = std::move(line);
    } else {
      lines_.push_back(std::move(line));
    }
  }
  // "NAME=VALUE", or "NAME" for the caller's value, which may be none.
  void add(std::string_view text) {
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) return set(text.substr(0, equals), text.substr(equals + 1));
    if (const char* value = std::getenv(std::string(text).c_str())) set(text, value);
  }
  bool has(std::string_view name) { return find(name) != nullptr; }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::string* find(std::string_view name) {
    for (auto& line : lines_) {
      if (line.size() > name.size() && line[name.size()] == '=' && line.starts_with(name)) return &line;
    }
    return nullptr;
  }
  std::vector<std::string> lines_;
};

std::vector<std::string> command_line(const Options& o, const spec::ImageConfig& image) {
  auto [args, rest] = command_of(o, image);
  args.insert(args.end(), rest.begin(), rest.end());
  if (args.empty())
    throw Error("no command to run: the image names none")
        .hint("put one at the end of the line, like /bin/sh");
  if (o.init) args.insert(args.begin(), {"/dev/init", "--"});
  return args;
}

std::string host_name() {
  struct utsname host {};
  return ::uname(&host) == 0 ? host.nodename : "";
}

// catatonit, as podman's package puts it and as its own does.
std::string init_program() {
  for (const char* path :
       {"/usr/bin/catatonit", "/usr/libexec/podman/catatonit", "/usr/libexec/catatonit/catatonit"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  throw Error("--init: catatonit is not installed").hint("apt-get install catatonit");
}

spec::Process process_of(const Options& o, const spec::ImageConfig& image, const Place& place,
                         const std::string& hostname) {
  spec::Process p;
  p.terminal = o.tty;
  p.args = command_line(o, image);
  const auto who = resolve_user(place.root_fd, o.user.value_or(image.user), o.groups);
  p.user = who.user;

  Environment env;
  env.set("PATH", default_path);
  if (o.tty) env.set("TERM", "xterm");
  env.set("container", "rocker");
  if (!hostname.empty()) env.set("HOSTNAME", hostname);
  for (const auto& line : image.env) env.add(line);
  for (const auto& line : o.env_from_files) env.add(line);
  for (const auto& line : o.env) env.add(line);
  if (!env.has("HOME")) env.set("HOME", who.home);
  p.env = env.take();

  p.cwd = o.workdir.value_or(image.working_dir.empty() ? "/" : image.working_dir);
  if (!p.cwd.starts_with('/')) {
    throw Error(
        cat("--workdir: expected an absolute path in the container, found \"", printable(p.cwd), "\""));
  }
  p.capabilities = choose_capabilities(o.cap_add, o.cap_drop, o.privileged, p.user.uid);
  p.rlimits = o.rlimits;
  p.no_new_privileges = !o.new_privileges && !o.privileged;
  p.oom_score_adj = o.oom_score_adj;
  p.apparmor_profile = o.apparmor_profile;
  p.selinux_label = o.selinux_label;
  return p;
}

void add_namespace(spec::Linux& out, spec::NamespaceType type, std::string_view file, const std::string& mode,
                   std::string_view option, const Place& place) {
  if (mode == "host" || mode.empty()) return;
  spec::Namespace ns;
  ns.type = type;
  if (mode.starts_with("ns:")) {
    ns.path = mode.substr(3);
  } else if (mode.starts_with("container:")) {
    if (!place.container_pid)
      throw Error(cat(option, ": a bundle alone can't join a container")).hint("use ns:/proc/PID/ns/...");
    ns.path = cat("/proc/", place.container_pid(std::string_view(mode).substr(10)), "/ns/", file);
  }
  out.namespaces.push_back(std::move(ns));
}

// user_namespaces(7): what a namespace of another kind shows may be mounted by the root of the user namespace
// that it was made in. "host" is bound instead.
void check_mountable(const Options& o) {
  const auto check = [&](std::string_view option, const std::string& mode, std::string_view what) {
    if (mode == "host" || mode == "private" || mode == o.userns) return;
    throw Error(cat(option, " ", printable(mode), ": can't be joined with --userns ", o.userns,
                    ": the kernel lets ", "no other user namespace mount its ", what))
        .hint(mode.starts_with("container:") ? cat("give --userns ", mode, " as well")
                                             : std::string("use private or host"));
  };
  check("--pid", o.pid, "/proc");
  check("--ipc", o.ipc, "/dev/mqueue");
  check("--cgroupns", o.cgroupns, "/sys/fs/cgroup");
}

// docker: twice the memory, memory and swap together, where the kernel counts swap at all.
std::optional<std::int64_t> swap_limit(const Options& o) {
  const auto& memory = o.resources.memory.limit;
  check_memory(memory, o.memory_swap);
  if (o.memory_swap && *o.memory_swap != 0) return o.memory_swap;
  if (!memory || *memory <= 0) return std::nullopt;
  const bool counted =
      ::access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0 ||
      (::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 && ::access("/proc/swaps", F_OK) == 0);
  if (!counted || *memory > INT64_MAX / 2) return std::nullopt;
  return *memory * 2;
}

spec::Linux linux_of(const Options& o, const Place& place) {
  using spec::NamespaceType;
  spec::Linux l;
  if (place.users) {
    add_namespace(l, NamespaceType::user, "user", o.userns, "--userns", place);
    l.uid_mappings = l.gid_mappings = place.users->mappings();
  }
  add_namespace(l, NamespaceType::pid, "pid", o.pid, "--pid", place);
  add_namespace(l, NamespaceType::network, "net", o.network, "--network", place);
  add_namespace(l, NamespaceType::ipc, "ipc", o.ipc, "--ipc", place);
  add_namespace(l, NamespaceType::uts, "uts", o.uts, "--uts", place);
  l.namespaces.push_back({NamespaceType::mount, {}});
  add_namespace(l, NamespaceType::cgroup, "cgroup", o.cgroupns, "--cgroupns", place);

  l.resources = o.resources;
  auto& resources = *l.resources;
  apply_cpus(o.cpus, resources.cpu);
  resources.memory.swap = swap_limit(o);
  if (resources.cpu.quota && *resources.cpu.quota > 0 && !resources.cpu.period)
    resources.cpu.period = 100'000;
  // Nothing but what the runtime allows every container by itself (config-linux.md, "Default Devices").
  if (!o.privileged) {
    spec::DeviceRule none;
    none.access = "rwm";
    resources.devices.push_back(std::move(none));
  }
  for (const auto& device : o.devices) add_device(device, l);
  if (o.privileged) add_all_devices(l);

  if (o.cgroup_parent && o.cgroup_parent->ends_with(".slice")) {
    l.cgroups_path = cat(*o.cgroup_parent, ":rocker:", place.id);
  } else if (!place.id.empty()) {
    l.cgroups_path = cat(o.cgroup_parent.value_or("/rocker"), "/", place.id);
  } else if (o.cgroup_parent) {
    l.cgroups_path = cat(*o.cgroup_parent, "/", absolute_path(place.directory).substr(1));
  }
  if (o.network == "none") l.sysctl["net.ipv4.ping_group_range"] = "0 0";
  for (const auto& [key, value] : o.sysctl) l.sysctl[key] = value;
  if (!o.privileged && !o.unmask) {
    l.masked_paths = default_masked_paths();
    l.readonly_paths = default_readonly_paths();
  }
  return l;
}

std::vector<VolumeRequest> volumes_of(const Options& o, const spec::ImageConfig& image) {
  std::vector<VolumeRequest> all;
  const auto add = [&](VolumeRequest request, bool replace) {
    const auto old = std::find_if(
        all.begin(), all.end(), [&](const auto& other) { return other.destination == request.destination; });
    if (old == all.end()) {
      all.push_back(std::move(request));
    } else if (replace) {
      throw Error(cat("\"", printable(request.destination), "\" is mounted twice"))
          .hint("leave one of --volume, --mount, --tmpfs out");
    }
  };
  for (const auto& text : o.volumes) add(parse_volume(text), true);
  for (const auto& text : o.mounts) add(parse_mount(text), true);
  for (const auto& text : o.tmpfs) add(parse_tmpfs(text), true);
  for (const auto& path : image.volumes) add(parse_volume(path), false);
  // A mount below another one has to come after it.
  const auto depth = [](const VolumeRequest& request) {
    return std::count(request.destination.begin(), request.destination.end(), '/');
  };
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return depth(a) < depth(b); });
  return all;
}

// What a user namespace may not mount, since the namespace that it shows is the host's or another's: the
// host's own is bound, as podman does it.
void bind_what_is_not_ours(const Options& o, spec::Mount& mount) {
  const auto bind = [&](std::initializer_list<const char*> options) {
    mount.type = "bind";
    mount.source = mount.destination;
    mount.options.assign(options.begin(), options.end());
  };
  if (mount.destination == "/proc" && o.pid == "host") {
    bind({"rbind", "rprivate", "nosuid", "noexec", "nodev"});
  } else if (mount.destination == "/dev/mqueue" && o.ipc == "host") {
    bind({"bind", "rprivate", "nosuid", "noexec", "nodev"});
  } else if (mount.destination == "/sys" && o.network != "none" && o.network != o.userns) {
    bind({"rbind", "rprivate", "nosuid", "noexec", "nodev", o.privileged ? "rw" : "rro"});
  }
}

std::vector<spec::Mount> mounts_of(const Options& o, const Place& place,
                                   const std::vector<VolumeRequest>& volumes) {
  const auto replaced = [&](const std::string& destination) {
    return std::any_of(volumes.begin(), volumes.end(),
                       [&](const auto& v) { return v.destination == destination; });
  };
  std::vector<spec::Mount> mounts;
  for (auto& mount : default_mounts(o.shm_size.value_or(default_shm_size), o.privileged)) {
    if (replaced(mount.destination)) continue;
    // The shared memory and the queues of an IPC namespace belong together.
    if (mount.destination == "/dev/shm" && o.ipc == "host")
      mount = {"/dev/shm", "bind", "/dev/shm", {"rbind"}, {}, {}};
    if (place.users) bind_what_is_not_ours(o, mount);
    // A host that has no such file system mounted has nothing to show.
    if (mount.destination == "/dev/mqueue" && mount.type == "bind" && ::access("/dev/mqueue", F_OK) != 0)
      continue;
    mounts.push_back(std::move(mount));
  }
  if (o.init) mounts.push_back({"/dev/init", "bind", init_program(), {"bind", "ro"}, {}, {}});
  for (const std::string name : {"hosts", "hostname", "resolv.conf"}) {
    const std::string destination = cat("/etc/", name);
    if (replaced(destination)) continue;
    mounts.push_back({destination,
                      "bind",
                      cat(place.directory, "/etc/", name),
                      {"bind", "rprivate", o.read_only ? "ro" : "rw"},
                      {},
                      {}});
    // The container's root owns them, as it would without a user namespace.
    if (place.users) mounts.back().options.emplace_back("idmap");
  }
  for (const auto& request : volumes) {
    std::string source = request.source;
    if (request.kind != VolumeRequest::Kind::tmpfs && place.volume_source)
      source = place.volume_source(request);
    mounts.push_back(mount_of(request, source, place.users.has_value()));
  }
  return mounts;
}

}  // namespace

CommandWords command_of(const Options& o, const spec::ImageConfig& image) {
  CommandWords words;
  if (!o.entrypoint) {
    words.entrypoint = image.entrypoint;
  } else if (!o.entrypoint->empty()) {
    words.entrypoint = {*o.entrypoint};
  }
  words.cmd = o.command.empty() && !o.entrypoint ? image.cmd : o.command;
  return words;
}

Assembled assemble(const Options& o, const spec::ImageConfig& image, const Place& place) {
  Assembled out;
  if (place.users) check_mountable(o);
  if (o.hostname && o.uts == "host")
    throw Error("--hostname: the host's own name can't be changed with --uts host");
  // It goes into /etc/hosts as well, where a space or a line end begins something else.
  const auto visible = [](unsigned char c) { return c > ' ' && c != 0x7f; };
  if (o.hostname && (o.hostname->empty() || o.hostname->size() > 64 ||
                     !std::all_of(o.hostname->begin(), o.hostname->end(), visible))) {
    throw Error(cat("--hostname: expected 1 to 64 characters, none of them a space or a line end, found \"",
                    printable(*o.hostname), "\""));
  }
  if (o.uts == "private") {
    // docker and podman: who has the host's network has its name, too.
    out.hostname = o.hostname.value_or(o.network == "host" ? host_name() : place.id.substr(0, 12));
  }
  out.stop_signal = !o.stop_signal.empty()       ? o.stop_signal
                    : !image.stop_signal.empty() ? parse_signal(image.stop_signal, "the image's StopSignal")
                                                 : "SIGTERM";

  auto& c = out.config;
  // Nothing newer is used, and crun refuses what it does not know.
  c.oci_version = "1.0.2";
  c.process = process_of(o, image, place, out.hostname);
  c.root = {"rootfs", o.read_only};
  c.hostname = out.hostname;
  c.domainname = o.domainname.value_or("");
  out.volumes = volumes_of(o, image);
  c.mounts = mounts_of(o, place, out.volumes);
  c.annotations = o.annotations;
  // image-spec annotations.md, and its "conversion to runtime configuration".
  c.annotations.insert({"org.opencontainers.image.ref.name", place.image_reference});
  c.annotations.insert({"org.opencontainers.image.stopSignal", out.stop_signal});
  c.linux_ = linux_of(o, place);
  if (!o.privileged && o.seccomp_profile != "unconfined") {
    const auto& caps = c.process->capabilities->bounding;
    c.linux_.seccomp =
        o.seccomp_profile.empty() ? default_seccomp(caps) : read_seccomp_profile(o.seccomp_profile, caps);
  } else if (o.privileged && !o.seccomp_profile.empty() && o.seccomp_profile != "unconfined") {
    c.linux_.seccomp = read_seccomp_profile(o.seccomp_profile, c.process->capabilities->bounding);
  }
  return out;
}

}  // namespace rocker::bundle
