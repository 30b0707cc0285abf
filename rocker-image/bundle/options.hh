// What a `bundle`, `run` or `create` line asks for, before anything is known of the image.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rocker-image/grammar.hh"
#include "spec/config.hh"

namespace rocker::bundle {

// How DIR/rootfs comes to be.
enum class RootfsMode { automatic, overlay, copy };

struct Options {
  // The process.
  bool tty = false;
  bool interactive = false;
  std::vector<std::string> env;  // "NAME=VALUE" or "NAME", which takes the caller's; files come first
  std::vector<std::string> env_from_files;
  std::optional<std::string> workdir, user, entrypoint;
  std::vector<std::string> groups;
  std::vector<spec::Rlimit> rlimits;
  std::optional<int> oom_score_adj;
  bool init = false;
  std::vector<std::string> command;

  // Rights.
  std::vector<std::string> cap_add, cap_drop;
  bool privileged = false;
  bool new_privileges = false;
  std::string seccomp_profile;  // empty: the default one; "unconfined"; or a file
  std::string apparmor_profile, selinux_label;
  std::vector<std::string> security_options;  // as given to --security-opt
  bool unmask = false;                        // no masked and read-only paths

  // What it sees.
  std::optional<std::string> hostname, domainname;
  std::vector<std::string> volumes, mounts, tmpfs;  // as given to -v, --mount, --tmpfs
  std::vector<std::string> devices;
  bool read_only = false;
  std::optional<std::uint64_t> shm_size;  // bytes
  RootfsMode rootfs = RootfsMode::automatic;
  std::string network = "none";  // none, host, ns:PATH
  std::string pid = "private", ipc = "private", uts = "private", cgroupns = "private";
  std::string userns;  // empty is the host's, as "host" is
  spec::StringMap sysctl;
  std::vector<std::string> dns, dns_search, dns_options, add_hosts;

  // What it may use.
  spec::Resources resources;
  std::optional<std::int64_t> cpus;         // of --cpus, as in resources.cpu.quota
  std::optional<std::int64_t> memory_swap;  // as given; -1 is unlimited
  std::optional<std::string> cgroup_parent;

  // Facts about it.
  spec::StringMap annotations, labels;
  std::string stop_signal;
  std::optional<int> stop_timeout;  // seconds

  // What concerns the container and not its bundle.
  std::string image;
  std::string platform;  // that the image has to be of; empty: any
  std::string name;
  bool detach = false, remove = false;
  std::string restart = "no";
  std::string cidfile, pidfile;
  std::string detach_keys = "ctrl-p,ctrl-q";
  std::string log_driver = "k8s-file";
  std::optional<std::uint64_t> log_max_size;
  std::vector<std::string> attach;
  std::string health_cmd;
  std::optional<std::uint64_t> health_interval, health_timeout, health_start_period;  // milliseconds
  std::optional<std::uint64_t> health_start_interval;
  std::optional<unsigned> health_retries;
  bool no_healthcheck = false;
};

// The options that shape config.json, and those of a container beside it: THE table, from which the lines are
// parsed, their --help is printed and the shells' completions are made.
std::span<const grammar::Option<Options>> bundle_options();
std::span<const grammar::Option<Options>> container_options();

// Both, as `run` and `create` have them.
std::vector<grammar::Option<Options>> run_options();

}  // namespace rocker::bundle
