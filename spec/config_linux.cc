// The `linux` member of config.json: config-linux.md.
#include <algorithm>
#include <iterator>

#include "spec/config.hh"
#include "spec/json.hh"
#include "spec/support/str.hh"

namespace rocker::spec {

namespace {

constexpr std::string_view namespace_names[] = {"user", "pid", "network", "mount",
                                                "ipc",  "uts", "cgroup",  "time"};

// A member whose value is one of a few words.
std::string one_of(const json::Value& v, std::initializer_list<std::string_view> words) {
  std::string text = v.as_string();
  if (std::find(words.begin(), words.end(), text) != words.end()) return text;
  std::string list;
  for (const auto word : words) list += cat(list.empty() ? "" : ", ", "\"", word, "\"");
  throw v.error(cat("expected one of ", list, ", found ", v.shown()));
}

void refuse_newlines(const json::Value& v, std::string_view text) {
  if (text.find('\n') != std::string_view::npos) throw v.error("must not have a newline in it");
}

}  // namespace

std::string_view name(NamespaceType type) {
  return namespace_names[static_cast<int>(type)];
}

const Namespace* Linux::find(NamespaceType type) const {
  const auto found = std::find_if(namespaces.begin(), namespaces.end(),
                                  [&](const Namespace& entry) { return entry.type == type; });
  return found == namespaces.end() ? nullptr : &*found;
}

bool Linux::creates(NamespaceType type) const {
  const auto* entry = find(type);
  return entry != nullptr && entry->path.empty();
}

void read(const json::Value& v, IdMapping& map) {
  v.require("containerID", map.container_id);
  v.require("hostID", map.host_id);
  v.require("size", map.size);
}

static void read(const json::Value& v, Namespace& ns) {
  const auto type = v.at("type");
  const std::string text = type.as_string();
  const auto* found = std::find(std::begin(namespace_names), std::end(namespace_names), text);
  if (found == std::end(namespace_names)) {
    throw type.error(cat("unknown namespace ", type.shown(),
                         ", expected user, pid, network, mount, ipc, uts, cgroup or time"));
  }
  ns.type = static_cast<NamespaceType>(found - std::begin(namespace_names));
  v.member("path", ns.path);
  if (!ns.path.empty() && !ns.path.starts_with('/')) {
    throw v.at("path").error(cat("expected an absolute path, found ", v.at("path").shown()));
  }
}

static void read(const json::Value& v, TimeOffset& offset) {
  v.member("secs", offset.secs);
  v.member("nanosecs", offset.nanosecs);
}

static void read(const json::Value& v, Device& d) {
  d.type = one_of(v.at("type"), {"c", "b", "u", "p"})[0];
  v.require("path", d.path);
  if (!d.path.starts_with('/')) {
    throw v.at("path").error(cat("expected an absolute path, found ", v.at("path").shown()));
  }
  if (d.type != 'p') {
    v.require("major", d.major);
    v.require("minor", d.minor);
    if (d.major < 0 || d.major > UINT32_MAX || d.minor < 0 || d.minor > UINT32_MAX) {
      throw v.error(cat("device ", d.major, ":", d.minor, " is out of range"));
    }
  }
  v.member("fileMode", d.file_mode);
  v.member("uid", d.uid);
  v.member("gid", d.gid);
}

static void read(const json::Value& v, NetDevice& d) {
  v.member("name", d.name);
}

static void read(const json::Value& v, SeccompArg& arg) {
  v.require("index", arg.index);
  v.require("value", arg.value);
  v.member("valueTwo", arg.value_two);
  v.require("op", arg.op);
}

static void read(const json::Value& v, SeccompRule& rule) {
  v.require("names", rule.names);
  if (rule.names.empty()) throw v.at("names").error("is empty, expected at least one system call");
  v.require("action", rule.action);
  v.member("errnoRet", rule.errno_ret);
  v.member("args", rule.args);
}

static void read(const json::Value& v, Seccomp& s) {
  v.require("defaultAction", s.default_action);
  v.member("defaultErrnoRet", s.default_errno_ret);
  v.member("architectures", s.architectures);
  v.member("flags", s.flags);
  v.member("listenerPath", s.listener_path);
  v.member("listenerMetadata", s.listener_metadata);
  if (!s.listener_metadata.empty() && s.listener_path.empty()) {
    throw v.at("listenerMetadata").error("must not be set without \"listenerPath\"");
  }
  v.member("syscalls", s.syscalls);
}

static void read(const json::Value& v, Personality& p) {
  p.domain = one_of(v.at("domain"), {"LINUX", "LINUX32"});
  v.member("flags", p.flags);
  if (!p.flags.empty()) throw v.at("flags").error("no flag is supported");
}

static void read(const json::Value& v, IntelRdt& r) {
  v.member("closID", r.clos_id);
  v.member("l3CacheSchema", r.l3_cache_schema);
  v.member("memBwSchema", r.mem_bw_schema);
  v.member("schemata", r.schemata);
  v.member("enableMonitoring", r.enable_monitoring);
  refuse_newlines(v, r.l3_cache_schema);
  refuse_newlines(v, r.mem_bw_schema);
  for (const auto& line : r.schemata) refuse_newlines(v, line);
  if (!r.mem_bw_schema.empty() && !r.mem_bw_schema.starts_with("MB:")) {
    throw v.at("memBwSchema").error(cat("must start with \"MB:\", found ", v.at("memBwSchema").shown()));
  }
  if (r.clos_id == "." || r.clos_id == ".." ||
      (r.clos_id.find('/') != std::string::npos && r.clos_id != "/")) {
    throw v.at("closID").error(cat("expected the name of a directory, found ", v.at("closID").shown()));
  }
}

static void read(const json::Value& v, MemoryPolicy& m) {
  v.require("mode", m.mode);
  v.member("nodes", m.nodes);
  v.member("flags", m.flags);
}

void read(const json::Value& v, Linux& l) {
  v.member("namespaces", l.namespaces);
  for (std::size_t i = 0; i < l.namespaces.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (l.namespaces[i].type == l.namespaces[j].type) {
        throw v.at("namespaces").error(cat("\"", name(l.namespaces[i].type), "\" is there twice"));
      }
    }
  }
  v.member("uidMappings", l.uid_mappings);
  v.member("gidMappings", l.gid_mappings);
  v.member("timeOffsets", l.time_offsets);
  for (const auto& [clock, offset] : l.time_offsets) {
    if (clock != "monotonic" && clock != "boottime") {
      throw v.at("timeOffsets")
          .error(cat("unknown clock \"", printable(clock), "\", expected \"monotonic\" or \"boottime\""));
    }
    if (offset.nanosecs > 999'999'999) {
      throw v.at("timeOffsets").error(cat("nanosecs of \"", clock, "\" is out of range: ", offset.nanosecs));
    }
  }
  v.member("devices", l.devices);
  v.member("netDevices", l.net_devices);
  v.member("cgroupsPath", l.cgroups_path);
  v.member("resources", l.resources);
  v.member("intelRdt", l.intel_rdt);
  v.member("memoryPolicy", l.memory_policy);
  v.member("sysctl", l.sysctl);
  v.member("seccomp", l.seccomp);
  if (const auto propagation = v.find("rootfsPropagation")) {
    l.rootfs_propagation = one_of(*propagation, {"shared", "slave", "private", "unbindable", "rshared",
                                                 "rslave", "rprivate", "runbindable", ""});
  }
  v.member("maskedPaths", l.masked_paths);
  v.member("readonlyPaths", l.readonly_paths);
  for (const char* list : {"maskedPaths", "readonlyPaths"}) {
    if (const auto paths = v.find(list)) {
      paths->each_element([](const json::Value& path) {
        if (!path.as_string().starts_with('/')) {
          throw path.error(cat("expected an absolute path, found ", path.shown()));
        }
      });
    }
  }
  v.member("mountLabel", l.mount_label);
  v.member("personality", l.personality);
}

}  // namespace rocker::spec
