#include <fcntl.h>
#include <unistd.h>

#include "rocker-runc/commands/commands.hh"
#include "spec/config.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

using spec::NamespaceType;

spec::Config default_config() {
  spec::Config c;
  // The oldest version that has all that is used here, so that older runtimes take the file as well.
  c.oci_version = "1.0.2";
  auto& p = c.process.emplace();
  p.terminal = true;
  p.args = {"sh"};
  p.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
  p.cwd = "/";
  auto& caps = p.capabilities.emplace();
  caps.bounding = caps.effective = caps.permitted = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  p.rlimits = {{"RLIMIT_NOFILE", 1024, 1024}};
  p.no_new_privileges = true;
  c.root = {"rootfs", true};
  c.hostname = "rocker";
  c.mounts = {
      {"/proc", "proc", "proc", {}, {}, {}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}, {}, {}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
       {},
       {}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}, {}, {}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}, {}, {}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}, {}, {}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}, {}, {}},
  };
  auto& l = c.linux_;
  for (const auto type : {NamespaceType::pid, NamespaceType::network, NamespaceType::ipc, NamespaceType::uts,
                          NamespaceType::mount, NamespaceType::cgroup}) {
    l.namespaces.push_back({type, {}});
  }
  l.resources.emplace().devices.push_back({false, 'a', {}, {}, "rwm"});
  l.masked_paths = {"/proc/acpi",          "/proc/asound",     "/proc/kcore",       "/proc/keys",
                    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                    "/sys/firmware",       "/proc/scsi"};
  l.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  return c;
}

// What an ordinary user may have: a user namespace with himself as root, and the host's network and sysfs.
void make_rootless(spec::Config& c) {
  auto& l = c.linux_;
  std::erase_if(l.namespaces, [](const spec::Namespace& ns) { return ns.type == NamespaceType::network; });
  l.namespaces.push_back({NamespaceType::user, {}});
  l.uid_mappings = {{0, ::geteuid(), 1}};
  l.gid_mappings = {{0, ::getegid(), 1}};
  l.resources.reset();
  for (auto& mount : c.mounts) {
    std::erase(mount.options, "gid=5");
    if (mount.destination == "/sys") {
      mount = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}, {}, {}};
    }
  }
  std::erase_if(c.mounts, [](const spec::Mount& mount) { return mount.destination == "/sys/fs/cgroup"; });
}

}  // namespace

int spec(const Globals&, const std::vector<std::string>& args) {
  std::string bundle = ".";
  bool rootless = false;
  CommandLine app(
      "spec", "",
      "Writes a config.json to begin with into the working directory, which runs a shell in ./rootfs.");
  app.add_option("-b,--bundle", bundle, "directory to write it to");
  app.add_flag("--rootless", rootless, "one that an ordinary user can run");
  if (!app.read(args)) return 0;
  spec::Config config = default_config();
  if (rootless) make_rootless(config);
  const UniqueFd dir = open_path(bundle, O_RDONLY | O_DIRECTORY);
  if (::faccessat(dir.get(), "config.json", F_OK, 0) == 0) {
    throw Error(cat("spec: ", bundle, "/config.json exists")).hint("remove it first");
  }
  replace_file(dir.get(), "config.json", spec::write_config(config), 0644);
  return 0;
}

}  // namespace rocker::commands
