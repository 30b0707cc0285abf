// The plan of a root file system (rocker-runc/rootfs/): mount options, the steps and their order, sysctls.
// Nothing of the host is opened here, nobody need be root.
#include <criterion/criterion.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>
#include <string>
#include <vector>

#include "rocker-runc/cgroup/manager.hh"
#include "rocker-runc/rootfs/mount_options.hh"
#include "rocker-runc/rootfs/plan.hh"
#include "rocker-runc/rootfs/sysctl.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;
using namespace rocker::rootfs;
using spec::NamespaceType;

namespace {

struct Flag {
  const char* option;
  std::uint64_t set, clear;
};

// mount_setattr(2): the access-time modes are one field, and setting one means clearing all of it.
constexpr std::uint64_t atime = MOUNT_ATTR__ATIME;
constexpr Flag flags[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", 0x00200000, 0},
    {"symfollow", 0, 0x00200000},
    {"noatime", MOUNT_ATTR_NOATIME, atime},
    {"atime", MOUNT_ATTR_RELATIME, atime},
    {"relatime", MOUNT_ATTR_RELATIME, atime},
    {"norelatime", MOUNT_ATTR_RELATIME, atime},
    {"strictatime", MOUNT_ATTR_STRICTATIME, atime},
    {"nostrictatime", MOUNT_ATTR_RELATIME, atime},
};

spec::Config base_config() {
  spec::Config config;
  config.root.path = "rootfs";
  config.linux_.namespaces = {{NamespaceType::mount, {}}};
  return config;
}

std::vector<std::string> lines(const spec::Config& config, std::vector<cgroup::Hierarchy> hierarchies = {}) {
  const PlanInput input{config, "/bundle", false, std::move(hierarchies), false};
  std::vector<std::string> out;
  for (const auto& step : make_plan(input, false)) out.push_back(describe(step));
  return out;
}

// The lines of one origin: "/mounts/0".
std::vector<std::string> lines_of(const spec::Config& config, const std::string& origin,
                                  std::vector<cgroup::Hierarchy> hierarchies = {}) {
  const PlanInput input{config, "/bundle", false, std::move(hierarchies), false};
  std::vector<std::string> out;
  for (const auto& step : make_plan(input, false)) {
    if (step.origin == origin) out.push_back(describe(step));
  }
  return out;
}

std::string refusal(const spec::Config& config) {
  try {
    lines(config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string sysctl_refusal(const std::string& key, std::vector<spec::Namespace> namespaces) {
  spec::Linux linux_part;
  linux_part.namespaces = std::move(namespaces);
  try {
    plan_sysctl(key, "1", linux_part);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::size_t position(const std::vector<std::string>& all, const std::string& line) {
  const auto found = std::find(all.begin(), all.end(), line);
  cr_assert(found != all.end(), "no step \"%s\" in:\n%s", line.c_str(), join(all, "\n").c_str());
  return static_cast<std::size_t>(found - all.begin());
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

Test(mount_options, every_flag_and_its_recursive_form) {
  for (const auto& [option, set, clear] : flags) {
    const auto here = parse_mount_options({option});
    cr_expect(here.set == set && here.clear == clear && here.recursive_set == 0 && here.recursive_clear == 0,
              "%s: %#llx %#llx", option, (unsigned long long)here.set, (unsigned long long)here.clear);
    cr_expect(here.filesystem.empty(), "%s reaches the file system", option);
    const std::string recursive = cat("r", option);
    const auto below = parse_mount_options({recursive});
    cr_expect(
        below.recursive_set == set && below.recursive_clear == clear && below.set == 0 && below.clear == 0,
        "%s: %#llx %#llx", recursive.c_str(), (unsigned long long)below.recursive_set,
        (unsigned long long)below.recursive_clear);
    cr_expect(below.filesystem.empty(), "%s reaches the file system", recursive.c_str());
  }
}

Test(mount_options, propagation) {
  struct Case {
    const char* option;
    unsigned long flags;
  };
  for (const auto& [option, want] :
       {Case{"shared", MS_SHARED}, Case{"rshared", MS_SHARED | MS_REC}, Case{"slave", MS_SLAVE},
        Case{"rslave", MS_SLAVE | MS_REC}, Case{"private", MS_PRIVATE}, Case{"rprivate", MS_PRIVATE | MS_REC},
        Case{"unbindable", MS_UNBINDABLE}, Case{"runbindable", MS_UNBINDABLE | MS_REC}}) {
    const auto options = parse_mount_options({option});
    cr_assert(options.propagation.size() == 1, "%s", option);
    cr_expect(options.propagation[0] == want, "%s", option);
    cr_expect(options.filesystem.empty(), "%s", option);
  }
  const auto both = parse_mount_options({"rslave", "shared"});
  cr_expect(both.propagation == std::vector<unsigned long>({MS_SLAVE | MS_REC, MS_SHARED}));
}

Test(mount_options, what_the_file_system_is_told) {
  for (const char* option : {"sync", "async", "dirsync", "lazytime", "nolazytime", "size=64m", "mode=755",
                             "lowerdir=/a:/b", "newinstance", "data=journal", "nobarrier"}) {
    const auto options = parse_mount_options({option});
    cr_expect(options.filesystem == std::vector<std::string>({option}), "%s", option);
  }
}

Test(mount_options, what_nobody_is_told) {
  for (const char* option : {"defaults", "silent", "loud", "mand", "nomand", "iversion", "noiversion",
                             "x-systemd.automount", "X-mount.mkdir", ""}) {
    const auto options = parse_mount_options({option});
    cr_expect(
        options.filesystem.empty() && options.set == 0 && options.clear == 0 && options.propagation.empty(),
        "%s", option);
  }
}

Test(mount_options, what_mount_8_keeps_for_itself) {
  for (const char* option :
       {"noauto", "auto", "user", "nouser", "users", "owner", "_netdev", "nofail", "comment=x"})
    cr_expect(parse_mount_options({option}).filesystem.empty(), "%s", option);
}

Test(mount_options, kinds_of_mounts) {
  const auto bind = parse_mount_options({"bind"}), rbind = parse_mount_options({"rbind"});
  cr_expect(bind.bind && !bind.recursive);
  cr_expect(rbind.bind && rbind.recursive);
  cr_expect(parse_mount_options({"remount"}).remount);
  cr_expect(parse_mount_options({"tmpcopyup"}).copy_up);
  cr_expect(parse_mount_options({"idmap"}).idmap == MountOptions::IdMap::here);
  cr_expect(parse_mount_options({"ridmap"}).idmap == MountOptions::IdMap::recursive);
}

Test(mount_options, a_later_option_wins) {
  const auto options =
      parse_mount_options({"ro", "nosuid", "noatime", "rw", "strictatime", "suid", "nosuid"});
  cr_expect(options.set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME));
  cr_expect((options.clear & MOUNT_ATTR_RDONLY) != 0 && (options.clear & MOUNT_ATTR_NOSUID) == 0);
  cr_expect((options.set & MOUNT_ATTR_NOATIME) == 0);
  cr_expect(!options.readonly());
  cr_expect(parse_mount_options({"rro"}).readonly());
}

Test(mount_options, features_promises_what_is_understood) {
  const auto known = known_mount_options();
  cr_expect(std::is_sorted(known.begin(), known.end()));
  cr_expect(std::adjacent_find(known.begin(), known.end()) == known.end(), "doubled");
  // The table of config.md, "Linux mount options", without the ones that mean the opposite of nothing.
  for (const char* option : {"async",          "atime",      "bind",         "defaults",    "dev",
                             "diratime",       "dirsync",    "exec",         "iversion",    "lazytime",
                             "loud",           "mand",       "noatime",      "nodev",       "nodiratime",
                             "noexec",         "noiversion", "nolazytime",   "nomand",      "norelatime",
                             "nostrictatime",  "nosuid",     "nosymfollow",  "private",     "ratime",
                             "rbind",          "rdev",       "rdiratime",    "relatime",    "remount",
                             "rexec",          "rnoatime",   "rnodiratime",  "rnoexec",     "rnorelatime",
                             "rnostrictatime", "rnosuid",    "rnosymfollow", "ro",          "rprivate",
                             "rrelatime",      "rro",        "rrw",          "rshared",     "rslave",
                             "rstrictatime",   "rsuid",      "rsymfollow",   "runbindable", "rw",
                             "shared",         "silent",     "slave",        "strictatime", "suid",
                             "symfollow",      "sync",       "tmpcopyup",    "unbindable",  "idmap",
                             "ridmap"}) {
    cr_expect(std::binary_search(known.begin(), known.end(), option), "%s", option);
  }
}

Test(plan, order_of_the_steps) {
  auto config = base_config();
  config.root.readonly = true;
  config.hostname = "h";
  config.mounts = {{"/proc", "proc", "proc", {}, {}, {}},
                   {"data", "", "sub/dir", {"rbind", "ro", "rnosuid"}, {}, {}},
                   {"/tmp", "tmpfs", "", {"ro", "size=1m", "tmpcopyup"}, {}, {}}};
  config.linux_.namespaces.push_back({NamespaceType::uts, {}});
  config.linux_.namespaces.push_back({NamespaceType::network, {}});
  config.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}};
  config.linux_.masked_paths = {"/proc/kcore"};
  config.linux_.readonly_paths = {"/proc/sys"};
  config.linux_.rootfs_propagation = "runbindable";
  const auto all = lines(config);
  const std::vector<std::string> want = {"attach root /bundle/rootfs",
                                         "mount proc on /proc",
                                         "rbind /bundle/sub/dir on /data (ro,rnosuid)",
                                         "mount tmpfs on /tmp (ro,size=1m,tmpcopyup)",
                                         "make device /dev/null c 1:3",
                                         "pivot root",
                                         "hostname h",
                                         "sysctl net.ipv4.ip_forward=1",
                                         "remount /tmp (ro)",
                                         "make / read-only",
                                         "make /proc/sys read-only",
                                         "mask /proc/kcore",
                                         "make / runbindable"};
  for (std::size_t i = 1; i < want.size(); ++i) {
    cr_expect(position(all, want[i - 1]) < position(all, want[i]), "\"%s\" does not come before \"%s\":\n%s",
              want[i - 1].c_str(), want[i].c_str(), join(all, "\n").c_str());
  }
}

Test(plan, default_devices_and_links) {
  const auto config = base_config();
  const auto all = lines_of(config, "/linux/devices");
  const std::vector<std::string> want = {
      "make device /dev/null c 1:3",         "make device /dev/zero c 1:5",
      "make device /dev/full c 1:7",         "make device /dev/random c 1:8",
      "make device /dev/urandom c 1:9",      "make device /dev/tty c 5:0",
      "link /dev/fd to /proc/self/fd",       "link /dev/stdin to /proc/self/fd/0",
      "link /dev/stdout to /proc/self/fd/1", "link /dev/stderr to /proc/self/fd/2",
      "link /dev/ptmx to pts/ptmx"};
  cr_expect(all == want, "%s", join(all, "\n").c_str());
}

Test(plan, devices_of_config_json) {
  auto config = base_config();
  config.linux_.devices = {{'u', "/dev/a", 10, 1, {}, {}, {}},
                           {'b', "/x/../dev/b", 8, 0, {}, {}, {}},
                           {'p', "/dev/p", 0, 0, {}, {}, {}},
                           {'c', "/dev/null", 1, 3, 0600, {}, {}}};
  cr_expect(lines_of(config, "/linux/devices/0") == std::vector<std::string>{"make device /dev/a c 10:1"});
  cr_expect(lines_of(config, "/linux/devices/1") == std::vector<std::string>{"make device /dev/b b 8:0"});
  cr_expect(lines_of(config, "/linux/devices/3") == std::vector<std::string>{"make device /dev/null c 1:3"});
  const auto defaults = lines_of(config, "/linux/devices");
  cr_expect(std::find(defaults.begin(), defaults.end(), "make device /dev/null c 1:3") == defaults.end());
  // What the host brings along as /dev has its devices already.
  config.mounts = {{"/dev/", "", "/dev", {"rbind"}, {}, {}}};
  cr_expect(lines_of(config, "/linux/devices").empty());
}

Test(plan, user_namespace_binds_devices) {
  auto config = base_config();
  config.linux_.namespaces.push_back({NamespaceType::user, {}});
  const auto all = lines_of(config, "/linux/devices");
  cr_expect(std::find(all.begin(), all.end(), "bind device /dev/null") != all.end(), "%s",
            join(all, "\n").c_str());
}

Test(plan, cgroup_mounts) {
  auto config = base_config();
  config.mounts = {{"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid"}, {}, {}}};
  cgroup::Hierarchy memory{"memory", {}, "/sys/fs/cgroup/memory", "memory", "c", false};
  cgroup::Hierarchy cpu{"cpu,cpuacct", {"cpu", "cpuacct"}, "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/c",
                        false};
  cgroup::Hierarchy v2{"", {}, "/sys/fs/cgroup", "", "c", true};
  const auto v1 = lines_of(config, "/mounts/0", {memory, cpu});
  const std::vector<std::string> want = {"mount tmpfs on /sys/fs/cgroup (ro,nosuid,mode=755,size=64k)",
                                         "mount cgroup on /sys/fs/cgroup/memory (ro,nosuid)",
                                         "mount cgroup on /sys/fs/cgroup/cpu,cpuacct (ro,nosuid)",
                                         "link /sys/fs/cgroup/cpu to cpu,cpuacct",
                                         "link /sys/fs/cgroup/cpuacct to cpu,cpuacct",
                                         "remount /sys/fs/cgroup (ro)"};
  cr_expect(v1 == want, "%s", join(v1, "\n").c_str());
  const auto pure = lines_of(config, "/mounts/0", {v2});
  cr_expect(pure == std::vector<std::string>{"mount cgroup2 on /sys/fs/cgroup (ro,nosuid)"}, "%s",
            join(pure, "\n").c_str());
}

Test(plan, what_is_refused_names_its_member) {
  auto config = base_config();
  config.mounts = {{"/a", "tmpfs", "", {}, {}, {}}, {"/b", "", "", {"bind"}, {}, {}}};
  cr_expect(contains(refusal(config), "config.json: /mounts/1: a bind mount needs a \"source\""));
  config.mounts[1] = {"/b", "", "x", {}, {}, {}};
  cr_expect(
      contains(refusal(config), "config.json: /mounts/1: has neither a \"type\" nor the option \"bind\""));
  config.mounts[1] = {"/x/..", "tmpfs", "", {}, {}, {}};
  cr_expect(contains(refusal(config), "config.json: /mounts/1: destination \"/\""));
  config.mounts[1] = {"/b", "", "x", {"bind", "idmap"}, {}, {}};
  cr_expect(contains(refusal(config), "config.json: /mounts/1: option \"idmap\""));
  config.mounts[1] = {"/b", "tmpfs", "x", {"idmap"}, {{0, 1, 1}}, {{0, 1, 1}}};
  cr_expect(contains(refusal(config), "config.json: /mounts/1: option \"idmap\""));
  config.mounts.clear();
  config.hostname = "h";
  cr_expect(contains(refusal(config), "config.json: /hostname: "));
  config.linux_.namespaces.push_back({NamespaceType::uts, {}});
  cr_expect(refusal(config).empty());
  config.domainname = std::string(65, 'x');
  cr_expect(contains(refusal(config), "config.json: /domainname: is longer than 64 bytes"));
}

Test(plan, nothing_is_mounted_without_a_mount_namespace) {
  auto config = base_config();
  config.linux_.namespaces.clear();
  const auto all = lines(config);
  cr_expect(all[0] == "open root /bundle/rootfs", "%s", all[0].c_str());
  position(all, "change root");
  config.mounts = {{"/a", "tmpfs", "", {}, {}, {}}};
  cr_expect(contains(refusal(config), "config.json: /mounts/0: "));
  config.linux_.namespaces = {{NamespaceType::mount, "/proc/1/ns/mnt"}};
  cr_expect(contains(refusal(config), "config.json: /mounts/0: "));
}

Test(sysctl, allowed_with_the_namespace_and_refused_without) {
  struct Case {
    const char* key;
    NamespaceType type;
  };
  for (const auto& [key, type] :
       {Case{"net.ipv4.ip_forward", NamespaceType::network},
        Case{"net/ipv4/ip_forward", NamespaceType::network}, Case{"kernel.shmmax", NamespaceType::ipc},
        Case{"kernel.sem", NamespaceType::ipc}, Case{"kernel.msgmni", NamespaceType::ipc},
        Case{"fs.mqueue.msg_max", NamespaceType::ipc}, Case{"kernel.domainname", NamespaceType::uts},
        Case{"user.max_user_namespaces", NamespaceType::user}}) {
    cr_expect(sysctl_refusal(key, {{type, {}}}).empty(), "%s", key);
    const auto why = sysctl_refusal(key, {{NamespaceType::pid, {}}});
    cr_expect(contains(why, cat("config.json: /linux/sysctl: \"", key, "\"")) && contains(why, name(type)),
              "%s: %s", key, why.c_str());
    // One that is joined and is the caller's own changes the host just the same.
    const std::string_view file = type == NamespaceType::network ? "net" : name(type);
    cr_expect(!sysctl_refusal(key, {{type, cat("/proc/self/ns/", file)}}).empty(), "%s", key);
  }
}

Test(sysctl, what_no_namespace_holds_is_refused) {
  std::vector<spec::Namespace> all;
  for (const auto type :
       {NamespaceType::user, NamespaceType::pid, NamespaceType::network, NamespaceType::mount,
        NamespaceType::ipc, NamespaceType::uts, NamespaceType::cgroup, NamespaceType::time})
    all.push_back({type, {}});
  for (const char* key :
       {"vm.swappiness", "kernel.core_pattern", "kernel.modprobe", "fs.file-max", "kernel.hostname",
        "kernel.shmmax2", "", "net", "netfilter.x", "../kernel/core_pattern"}) {
    cr_expect(!sysctl_refusal(key, all).empty(), "%s", key);
  }
}

Test(sysctl, both_separators) {
  spec::Linux linux_part;
  linux_part.namespaces = {{NamespaceType::network, {}}};
  cr_expect(plan_sysctl("net.ipv4.conf.eth0/100.forwarding", "1", linux_part).path ==
            "net/ipv4/conf/eth0.100/forwarding");
  cr_expect(plan_sysctl("net/ipv4/conf/eth0.100/forwarding", "1", linux_part).path ==
            "net/ipv4/conf/eth0.100/forwarding");
}
