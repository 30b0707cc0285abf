// config.json (spec/config.hh): errors name the member by its JSON pointer, and what is written is read again
// as it was.
#include <criterion/criterion.h>

#include <string>
#include <utility>
#include <vector>

#include "spec/config.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;
using namespace rocker::spec;

namespace {

// A config.json with these members beside the two that must be there.
std::string with(const std::string& members) {
  return cat(R"({"ociVersion": "1.3.0", "root": {"path": "rootfs"})", members.empty() ? "" : ", ", members,
             "}");
}

std::string refusal(const std::string& text) {
  try {
    parse_config(text, "config.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// As many members as there are, none at its default.
const char* const rich = R"({
  "ociVersion": "1.2.1-rc.1",
  "process": {
    "terminal": true, "consoleSize": {"height": 25, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [5, 6]},
    "args": ["sh", "-c", "echo \"\u00fc\u0001\" 日本"], "env": ["PATH=/bin", "EMPTY="], "cwd": "/root",
    "capabilities": {"bounding": ["CAP_KILL"], "effective": [], "inheritable": ["CAP_CHOWN"], "permitted": ["CAP_KILL"],
      "ambient": ["CAP_CHOWN"]},
    "rlimits": [{"type": "RLIMIT_CORE", "soft": 18446744073709551615, "hard": 18446744073709551615},
      {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}],
    "noNewPrivileges": true, "oomScoreAdj": -100, "apparmorProfile": "a", "selinuxLabel": "s",
    "scheduler": {"policy": "SCHED_DEADLINE", "nice": -5, "priority": 3, "flags": ["SCHED_FLAG_RECLAIM"],
      "runtime": 1, "deadline": 2, "period": 18446744073709551615},
    "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 7},
    "execCPUAffinity": {"initial": "0-3", "final": "7"}
  },
  "root": {"path": "/r", "readonly": true},
  "hostname": "h", "domainname": "d",
  "mounts": [
    {"destination": "/a", "type": "bind", "source": "b", "options": ["rbind", "idmap"],
      "uidMappings": [{"containerID": 0, "hostID": 4294967295, "size": 1}],
      "gidMappings": [{"containerID": 1, "hostID": 2, "size": 3}]},
    {"destination": "rel"}],
  "hooks": {
    "prestart": [{"path": "/p", "args": ["p", "x"], "env": ["A=b"], "timeout": 3}],
    "createRuntime": [{"path": "/cr"}], "createContainer": [{"path": "/cc"}], "startContainer": [{"path": "/sc"}],
    "poststart": [{"path": "/ps"}], "poststop": [{"path": "/po"}, {"path": "/po2"}]},
  "annotations": {"com.example.key": "v", "empty": ""},
  "linux": {
    "namespaces": [{"type": "pid", "path": "/proc/1/ns/pid"}, {"type": "network"}, {"type": "mount"}, {"type": "ipc"},
      {"type": "uts"}, {"type": "user"}, {"type": "cgroup"}, {"type": "time"}],
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 32000}],
    "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 32000}],
    "timeOffsets": {"monotonic": {"secs": -5, "nanosecs": 999999999}, "boottime": {"secs": 9223372036854775807}},
    "devices": [{"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0},
      {"type": "p", "path": "/fifo"}, {"type": "b", "path": "/dev/sda", "major": 8, "minor": 0}],
    "netDevices": {"eth0": {"name": "c0"}, "eth1": {}},
    "cgroupsPath": "/c",
    "resources": {
      "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "r"}],
      "memory": {"limit": -1, "reservation": 2, "swap": 3, "kernelTCP": 5, "swappiness": 60, "disableOOMKiller": true,
        "useHierarchy": false, "checkBeforeUpdate": true},
      "cpu": {"shares": 0, "quota": -1, "burst": 4, "period": 5, "realtimeRuntime": 6, "realtimePeriod": 7,
        "cpus": "0-1", "mems": "0", "idle": 1},
      "blockIO": {"weight": 10, "leafWeight": 11, "weightDevice": [{"major": 8, "minor": 0, "weight": 12, "leafWeight": 13}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 14}],
        "throttleWriteBpsDevice": [{"major": 8, "minor": 1, "rate": 15}],
        "throttleReadIOPSDevice": [{"major": 8, "minor": 2, "rate": 16}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 3, "rate": 17}]},
      "pids": {"limit": 0},
      "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
      "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
      "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}, "mlx4_0": {"hcaObjects": 1}},
      "unified": {"memory.high": "1"}},
    "intelRdt": {"closID": "g", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20", "schemata": ["L2:0=f"],
      "enableMonitoring": true},
    "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]},
    "sysctl": {"net.core.somaxconn": "256"},
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 0, "architectures": ["SCMP_ARCH_X86_64"],
      "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/s", "listenerMetadata": "m",
      "syscalls": [{"names": ["a", "b"], "action": "SCMP_ACT_ALLOW", "errnoRet": 38,
        "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]},
    "rootfsPropagation": "rslave", "maskedPaths": ["/m"], "readonlyPaths": ["/r"], "mountLabel": "l",
    "personality": {"domain": "LINUX32"}
  }
})";

}  // namespace

Test(config, what_is_written_is_read_again) {
  for (const std::string& text :
       {std::string(rich), with(""), with(R"("process": {"cwd": "/"}, "linux": {})"),
        with(R"("linux": {"resources": {}}, "mounts": [], "annotations": {})"),
        with(R"("process": {"cwd": "/", "args": [], "user": {"umask": 0}, "capabilities": {},
                                        "oomScoreAdj": 0})")}) {
    const std::string once = write_config(parse_config(text, "config.json"));
    const std::string twice = write_config(parse_config(once, "written"));
    cr_expect(once == twice, "%s\n---\n%s", once.c_str(), twice.c_str());
  }
}

Test(config, nothing_of_a_rich_one_is_lost) {
  const auto config = parse_config(write_config(parse_config(rich, "config.json")), "written");
  cr_expect(config.oci_version == "1.2.1-rc.1" && config.hostname == "h" && config.domainname == "d");
  const auto& p = *config.process;
  cr_expect(p.terminal && p.console_size->height == 25 && p.console_size->width == 80);
  cr_expect(p.user.uid == 1 && p.user.gid == 2 && p.user.umask == 63 && p.user.additional_gids.size() == 2);
  cr_expect(p.args[2] == "echo \"\xc3\xbc\x01\" \xe6\x97\xa5\xe6\x9c\xac");
  cr_expect(p.env[1] == "EMPTY=" && p.cwd == "/root" && p.no_new_privileges && p.oom_score_adj == -100);
  cr_expect(p.rlimits[0].soft == UINT64_MAX && p.rlimits[1].hard == 2);
  cr_expect(p.capabilities->inheritable[0] == "CAP_CHOWN" && p.capabilities->effective.empty());
  cr_expect(p.scheduler->nice == -5 && p.scheduler->period == UINT64_MAX && p.scheduler->flags.size() == 1);
  cr_expect(p.io_priority->priority == 7 && p.exec_cpu_affinity->final == "7");
  cr_expect(p.apparmor_profile == "a" && p.selinux_label == "s");
  cr_expect(config.root.path == "/r" && config.root.readonly);
  cr_expect(config.mounts[0].uid_mappings[0].host_id == 4294967295u && config.mounts[0].options.size() == 2);
  cr_expect(config.mounts[1].destination == "rel");
  cr_expect(config.hooks.prestart[0].timeout == 3 && config.hooks.prestart[0].env[0] == "A=b");
  cr_expect(config.hooks.poststop.size() == 2 && config.hooks.start_container[0].path == "/sc");
  cr_expect(config.annotations.at("com.example.key") == "v" && config.annotations.at("empty").empty());
  const auto& l = config.linux_;
  cr_expect(l.namespaces.size() == 8 && l.find(NamespaceType::pid)->path == "/proc/1/ns/pid");
  cr_expect(l.creates(NamespaceType::time) && !l.creates(NamespaceType::pid));
  cr_expect(l.time_offsets.at("monotonic").secs == -5 &&
            l.time_offsets.at("monotonic").nanosecs == 999999999);
  cr_expect(l.time_offsets.at("boottime").secs == INT64_MAX);
  cr_expect(l.devices[0].file_mode == 438u && l.devices[0].uid == 0u && !l.devices[2].uid &&
            l.devices[1].type == 'p');
  cr_expect(l.net_devices.at("eth0").name == "c0" && l.net_devices.at("eth1").name.empty());
  const auto& r = *l.resources;
  cr_expect(r.devices[1].minor == 3 && !r.devices[0].major && r.devices[0].access == "rwm");
  cr_expect(r.memory.limit == -1 && r.memory.use_hierarchy == false && r.memory.disable_oom_killer == true);
  cr_expect(r.cpu.shares == 0u && r.cpu.quota == -1 && r.cpu.idle == 1 && r.cpu.cpus == "0-1");
  cr_expect(r.block_io.weight_device[0].leaf_weight == 13 && r.block_io.write_iops[0].rate == 17);
  cr_expect(r.pids_limit == 0 && r.hugepage_limits[0].limit == 9 && r.network.class_id == 1048577u);
  cr_expect(r.rdma.at("mlx5_1").hca_objects == 10000u && !r.rdma.at("mlx4_0").hca_handles);
  cr_expect(r.unified.at("memory.high") == "1");
  cr_expect(l.intel_rdt->schemata[0] == "L2:0=f" && l.intel_rdt->enable_monitoring);
  cr_expect(l.memory_policy->mode == "MPOL_BIND" && l.memory_policy->flags.size() == 1);
  cr_expect(l.seccomp->default_errno_ret == 0u && l.seccomp->syscalls[0].errno_ret == 38u);
  cr_expect(l.seccomp->syscalls[0].args[0].value == UINT64_MAX &&
            l.seccomp->syscalls[0].args[0].value_two == 2);
  cr_expect(l.rootfs_propagation == "rslave" && l.masked_paths[0] == "/m" && l.mount_label == "l");
  cr_expect(l.personality->domain == "LINUX32" && l.sysctl.at("net.core.somaxconn") == "256");
}

Test(config, errors_name_the_pointer) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("process": 1)", "/process"},
      {R"("process": {})", "/process: \"cwd\" is missing"},
      {R"("process": {"cwd": "rel"})", "/process/cwd"},
      {R"("process": {"cwd": 7})", "/process/cwd"},
      {R"("process": {"cwd": "/\u0000"})", "/process/cwd"},
      {R"("process": {"cwd": "/", "args": "sh"})", "/process/args"},
      {R"("process": {"cwd": "/", "args": ["sh", 1]})", "/process/args/1"},
      {R"("process": {"cwd": "/", "user": {"uid": -1}})", "/process/user/uid"},
      {R"("process": {"cwd": "/", "user": {"uid": 4294967296}})", "/process/user/uid"},
      {R"("process": {"cwd": "/", "user": {"uid": 1.5}})", "/process/user/uid"},
      {R"("process": {"cwd": "/", "user": {"uid": "root"}})", "/process/user/uid"},
      {R"("process": {"cwd": "/", "user": {"additionalGids": [0, "x"]}})", "/process/user/additionalGids/1"},
      {R"("process": {"cwd": "/", "rlimits": [{"type": "RLIMIT_CORE", "soft": 1}]})",
       "/process/rlimits/0: \"hard\" is missing"},
      {R"("process": {"cwd": "/", "rlimits": [{"type": "A", "soft": 1, "hard": 1}, {"type": "A", "soft": 1, "hard": 1}]})",
       "/process/rlimits"},
      {R"("process": {"cwd": "/", "terminal": true, "consoleSize": {"height": 65536, "width": 1}})",
       "/process/consoleSize/height"},
      {R"("process": {"cwd": "/", "noNewPrivileges": "yes"})", "/process/noNewPrivileges"},
      {R"("process": {"cwd": "/", "ioPriority": {"class": "x"}})",
       "/process/ioPriority: \"priority\" is missing"},
      {R"("mounts": {})", "/mounts"},
      {R"("mounts": [{"destination": "/a"}, {}])", "/mounts/1: \"destination\" is missing"},
      {R"("mounts": [{"destination": ""}])", "/mounts/0/destination"},
      {R"("mounts": [{"destination": "/a", "options": "ro"}])", "/mounts/0/options"},
      {R"("mounts": [{"destination": "/a", "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}])",
       "/mounts/0"},
      {R"("hooks": {"poststop": [{"path": "rel"}]})", "/hooks/poststop/0/path"},
      {R"("hooks": {"prestart": [{"path": "/x", "timeout": 0}]})", "/hooks/prestart/0/timeout"},
      {R"("annotations": {"a": 1})", "/annotations/a"},
      {R"("annotations": {"a/b~c": 1})", "/annotations/a~1b~0c"},
      {R"("linux": {"namespaces": [{"type": "net"}]})", "/linux/namespaces/0/type"},
      {R"("linux": {"namespaces": [{"type": "pid", "path": "rel"}]})", "/linux/namespaces/0/path"},
      {R"("linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}]})", "/linux/namespaces"},
      {R"("linux": {"uidMappings": [{"containerID": 0, "size": 1}]})",
       "/linux/uidMappings/0: \"hostID\" is missing"},
      {R"("linux": {"timeOffsets": {"realtime": {}}})", "/linux/timeOffsets"},
      {R"("linux": {"timeOffsets": {"boottime": {"nanosecs": 1000000000}}})", "/linux/timeOffsets"},
      {R"("linux": {"devices": [{"type": "x", "path": "/d"}]})", "/linux/devices/0/type"},
      {R"("linux": {"devices": [{"type": "c", "path": "/d", "major": 1}]})",
       "/linux/devices/0: \"minor\" is missing"},
      {R"("linux": {"devices": [{"type": "c", "path": "d", "major": 1, "minor": 1}]})",
       "/linux/devices/0/path"},
      {R"("linux": {"devices": [{"type": "c", "path": "/d", "major": -1, "minor": 1}]})", "/linux/devices/0"},
      {R"("linux": {"resources": {"memory": {"limit": "64m"}}})", "/linux/resources/memory/limit"},
      {R"("linux": {"sysctl": {"a": 1}})", "/linux/sysctl/a"},
      {R"("linux": {"seccomp": {}})", "/linux/seccomp: \"defaultAction\" is missing"},
      {R"("linux": {"rootfsPropagation": "both"})", "/linux/rootfsPropagation"},
      {R"("linux": {"maskedPaths": ["/ok", "rel"]})", "/linux/maskedPaths/1"},
      {R"("linux": {"readonlyPaths": ["rel"]})", "/linux/readonlyPaths/0"},
      {R"("linux": {"personality": {"domain": "BSD"}})", "/linux/personality/domain"},
  };
  for (const auto& [members, pointer] : cases) {
    const std::string why = refusal(with(members));
    cr_expect(why.starts_with(cat("config.json: ", pointer)) &&
                  (why.size() == 13 + pointer.size() || why.substr(13 + pointer.size()).starts_with(": ")),
              "%s: expected %s, got \"%s\"", members.c_str(), pointer.c_str(), why.c_str());
    cr_expect(why.find('\n') == std::string::npos);
  }
}

Test(config, versions) {
  const auto version = [](const std::string& v) {
    return refusal(cat(R"({"ociVersion": ")", v, R"(", "root": {"path": "r"}})"));
  };
  for (const char* ok : {"1.0.0", "1.0.2-dev", "1.3.0", "1.99.0", "1.0.0-rc5+build.7"})
    cr_expect(version(ok).empty(), "%s: %s", ok, version(ok).c_str());
  for (const char* bad : {"", "1", "1.0", "01.0.0", "1.0.0.0", "x.y.z", "2.0.0", "0.1.0", "-1.0.0"})
    cr_expect(version(bad).starts_with("config.json: /ociVersion: "), "%s: %s", bad, version(bad).c_str());
}

Test(config, what_is_no_config_at_all) {
  cr_expect(refusal("").starts_with("config.json: "));
  cr_expect(refusal("{").starts_with("config.json: "));
  cr_expect(refusal("[]").starts_with("config.json: "));
  cr_expect(refusal(with("") + "x").starts_with("config.json: "));
  cr_expect(refusal(std::string(100000, '[')).starts_with("config.json: "));
  cr_expect(refusal("{\"root\": {\"path\": \"r\"}}").find("\"ociVersion\" is missing") != std::string::npos);
  cr_expect(refusal("{\"ociVersion\": \"1.0.0\"}").find("\"root\" is missing") != std::string::npos);
  cr_expect(refusal("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"\"}}")
                .starts_with("config.json: /root/path: "));
}

Test(config, what_is_not_known_is_ignored_and_null_is_missing) {
  const auto config = parse_config(
      with(
          R"("future": {"a": [1]}, "hostname": null, "process": null, "linux": {"namespaces": null, "x": 1})"),
      "config.json");
  cr_expect(config.hostname.empty() && !config.process && config.linux_.namespaces.empty());
  // "Runtimes MUST ignore consoleSize if terminal is false or unset."
  cr_expect(refusal(with(R"("process": {"cwd": "/", "consoleSize": 7})")).empty());
}
