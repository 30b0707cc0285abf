// The OCI config.json (runtime-spec 1.3, config.md and config-linux.md) as plain typed structs. It is parsed
// once and const from then on. A name here is the name there, in snake case; an optional that is empty was
// not in the file, which for many members is not the same as zero.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/resources.hh"

namespace rocker::json {
class Document;
class Value;
class Writer;
}  // namespace rocker::json

namespace rocker::spec {

// The version that rocker writes and the newest one that it was written for.
inline constexpr std::string_view oci_version = "1.3.0";

using StringMap = std::map<std::string, std::string>;

// config.md, "User"
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::optional<mode_t> umask;
  std::vector<gid_t> additional_gids;
};

struct ConsoleSize {
  unsigned short height = 0;
  unsigned short width = 0;
};

struct Rlimit {
  std::string type;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// Names as in the file ("CAP_CHOWN"): which of them exist is known to the runtime.
struct Capabilities {
  std::vector<std::string> bounding, effective, permitted, inheritable, ambient;
};

struct Scheduler {
  std::string policy;
  std::int32_t nice = 0;
  std::int32_t priority = 0;
  std::vector<std::string> flags;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  // nanoseconds
};

struct IoPriority {
  std::string klass;
  int priority = 0;
};

struct CpuAffinity {
  std::string initial, final;
};

// config.md, "Process"
struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<Scheduler> scheduler;
  std::optional<IoPriority> io_priority;
  std::optional<CpuAffinity> exec_cpu_affinity;
};

struct Root {
  std::string path;
  bool readonly = false;
};

// config-linux.md, "User namespace mappings"
struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

// config.md, "Mounts"
struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings, gid_mappings;
};

// config.md, "POSIX-platform Hooks"
struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<int> timeout;  // seconds
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

enum class NamespaceType { user, pid, network, mount, ipc, uts, cgroup, time };

// "network" and the like, as config.json has it.
std::string_view name(NamespaceType type);

struct Namespace {
  NamespaceType type{};
  std::string path;  // empty: create one
};

struct TimeOffset {
  std::int64_t secs = 0;
  std::uint32_t nanosecs = 0;
};

// config-linux.md, "Devices"
struct Device {
  char type = 'c';  // c, b, u or p
  std::string path;
  std::int64_t major = 0, minor = 0;
  std::optional<mode_t> file_mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

struct NetDevice {
  std::string name;  // inside; empty: as outside
};

// config-linux.md, "Seccomp". Names stay text: libseccomp knows which exist.
struct SeccompArg {
  unsigned index = 0;
  std::uint64_t value = 0, value_two = 0;
  std::string op;
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;
  std::optional<unsigned> errno_ret;
  std::vector<SeccompArg> args;
};

struct Seccomp {
  std::string default_action;
  std::optional<unsigned> default_errno_ret;
  std::vector<std::string> architectures;
  std::vector<std::string> flags;
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompRule> syscalls;
};

struct Personality {
  std::string domain;
  std::vector<std::string> flags;
};

// config-linux.md, "IntelRdt"
struct IntelRdt {
  std::string clos_id;
  std::string l3_cache_schema;
  std::string mem_bw_schema;
  std::vector<std::string> schemata;
  bool enable_monitoring = false;
};

// config-linux.md, "Memory policy"
struct MemoryPolicy {
  std::string mode;
  std::string nodes;
  std::vector<std::string> flags;
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;
  std::vector<Device> devices;
  std::map<std::string, NetDevice> net_devices;
  std::string cgroups_path;
  std::optional<Resources> resources;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  StringMap sysctl;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;
  std::vector<std::string> masked_paths, readonly_paths;
  std::string mount_label;
  std::optional<Personality> personality;

  // The entry of that type, or null.
  const Namespace* find(NamespaceType type) const;
  // True when config.json asks for a new namespace of that type.
  bool creates(NamespaceType type) const;
};

struct Config {
  std::string oci_version;
  std::optional<Process> process;
  Root root;
  std::string hostname, domainname;
  std::vector<Mount> mounts;
  Hooks hooks;
  StringMap annotations;
  Linux linux_;  // `linux` is a macro of g++'s
};

// Parses a config.json; `name` is the file for messages. Throws Error that names the JSON pointer for what is
// no JSON, of the wrong type or range, missing though REQUIRED, doubled though it MUST NOT be, or of an
// ociVersion that this runtime can't serve.
Config parse_config(std::string text, std::string name);

// BUNDLE/config.json, with an error that says what is wrong with the bundle. At most 16 MiB are read. The
// text that was parsed is given back through `text` when it is not null. `file` is read in its place when it
// is not empty.
Config load_config(const std::string& bundle, std::string* text = nullptr, const std::string& file = {});

// The process.json of `exec --process`.
Process parse_process(std::string text, std::string name);

std::string write_config(const Config& config);

void read(const json::Value& v, Process& out);
void read(const json::Value& v, Hooks& out);
void read(const json::Value& v, Linux& out);
void write(json::Writer& w, const Process& process);
void write(json::Writer& w, const Linux& linux_part);

}  // namespace rocker::spec
