// linux.resources of config.json, and what `update --resources` takes (config-linux.md, "Control groups").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rocker::json {
class Value;
class Writer;
}  // namespace rocker::json

namespace rocker::spec {

struct DeviceRule {
  bool allow = false;
  char type = 'a';                           // a, b or c
  std::optional<std::int64_t> major, minor;  // empty: all
  std::string access;                        // of "rwm"

  bool operator==(const DeviceRule&) const = default;
};

// Bytes; -1 is "unlimited".
struct MemoryResources {
  std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;
  std::optional<std::uint64_t> swappiness;
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;

  bool operator==(const MemoryResources&) const = default;
};

struct CpuResources {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;           // microseconds a period
  std::optional<std::uint64_t> burst, period;  // microseconds
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus, mems;
  std::optional<std::int64_t> idle;

  bool operator==(const CpuResources&) const = default;
};

struct BlockWeight {
  std::int64_t major = 0, minor = 0;
  std::optional<std::uint16_t> weight, leaf_weight;

  bool operator==(const BlockWeight&) const = default;
};

struct BlockThrottle {
  std::int64_t major = 0, minor = 0;
  std::uint64_t rate = 0;  // bytes or operations a second

  bool operator==(const BlockThrottle&) const = default;
};

struct BlockIoResources {
  std::optional<std::uint16_t> weight, leaf_weight;
  std::vector<BlockWeight> weight_device;
  std::vector<BlockThrottle> read_bps, write_bps, read_iops, write_iops;

  bool operator==(const BlockIoResources&) const = default;
};

struct HugepageLimit {
  std::string page_size;
  std::uint64_t limit = 0;
};

struct NetworkPriority {
  std::string name;
  std::uint32_t priority = 0;

  bool operator==(const NetworkPriority&) const = default;
};

struct NetworkResources {
  std::optional<std::uint32_t> class_id;
  std::vector<NetworkPriority> priorities;

  bool operator==(const NetworkResources&) const = default;
};

struct RdmaLimit {
  std::optional<std::uint32_t> hca_handles, hca_objects;
};

struct Resources {
  std::vector<DeviceRule> devices;
  MemoryResources memory;
  CpuResources cpu;
  BlockIoResources block_io;
  std::optional<std::int64_t> pids_limit;
  std::vector<HugepageLimit> hugepage_limits;
  NetworkResources network;
  std::map<std::string, RdmaLimit> rdma;
  std::map<std::string, std::string> unified;
};

void read(const json::Value& v, Resources& out);
void write(json::Writer& w, const Resources& resources);

}  // namespace rocker::spec
