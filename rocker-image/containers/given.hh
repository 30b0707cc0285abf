// What the line of `run` or `create` asked for, in the words of the line: `inspect` and `ps` show it so, and
// not as what it became in config.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/bundle/options.hh"
#include "spec/config.hh"
#include "spec/json.hh"

namespace rocker::containers {

// A volume, a folder of the host's or a tmpfs; none of what every container has.
struct MountFact {
  std::string type;    // bind, volume, tmpfs
  std::string name;    // of a volume
  std::string source;  // of a bind: the host's path
  std::string destination;
  std::string mode;  // the third part of -v
  std::string propagation;
  bool readonly = false;
};

struct Given {
  std::vector<MountFact> mounts;
  std::vector<std::string> binds;  // of -v that name a source
  spec::StringMap tmpfs;           // of --tmpfs: the path and its options
  std::vector<std::string> cap_add, cap_drop, security_options, devices;
  std::vector<std::string> groups, dns, dns_search, dns_options, add_hosts;
  spec::StringMap sysctl;
  std::string pid, ipc, uts, cgroupns, cgroup_parent, cidfile;
  std::uint64_t shm_size = 0;  // bytes
  bool privileged = false, init = false, attached = false;
  // What the command was put together of, the image's words where the line has none.
  std::vector<std::string> entrypoint, cmd;
  std::string user;
};

// `anonymous`: the names of the volumes that have none in the line, in the order of made.assembled.volumes.
Given given_by(const bundle::Options& options, const bundle::Made& made,
               const std::vector<std::string>& anonymous);

void read(const json::Value& v, Given& out);
void write(json::Writer& w, const Given& given);

}  // namespace rocker::containers
