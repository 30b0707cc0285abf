// What a container has used, as `events --stats` prints it. Members and units are those of runc's events
// (types/events.go): its consumers are containerd's and others' that know them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-runc/cgroup/group.hh"
#include "rocker-runc/cgroup/resources.hh"

namespace rocker::json {
class Writer;
}

namespace rocker::cgroup {

// Pressure stall information, in percent of the last 10, 60, 300 seconds and microseconds in total.
struct PressureLine {
  double avg10 = 0, avg60 = 0, avg300 = 0;
  std::uint64_t total = 0;
};
struct Pressure {
  PressureLine some, full;
};

struct CpuStats {
  std::uint64_t total = 0, kernel = 0, user = 0;  // nanoseconds
  std::vector<std::uint64_t> per_cpu, per_cpu_kernel, per_cpu_user;
  std::uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;  // nanoseconds
  std::optional<Pressure> pressure;
};

struct CpusetStats {
  std::vector<std::uint16_t> cpus, mems;
  std::uint64_t cpu_exclusive = 0, mem_hardwall = 0, mem_exclusive = 0, memory_migrate = 0,
                memory_spread_page = 0, memory_spread_slab = 0, memory_pressure = 0, sched_load_balance = 0;
  std::int64_t sched_relax_domain_level = 0;
};

struct MemoryEntry {
  std::uint64_t limit = 0, usage = 0, max = 0, failures = 0;  // bytes; how often the limit was hit
};
struct MemoryStats {
  std::uint64_t cache = 0;
  MemoryEntry usage, swap, kernel, kernel_tcp;
  std::map<std::string, std::uint64_t> raw;  // memory.stat
  std::optional<Pressure> pressure;
};

struct BlockEntry {
  std::uint64_t major = 0, minor = 0;
  std::string operation;
  std::uint64_t value = 0;
};
struct BlockStats {
  std::vector<BlockEntry> service_bytes, serviced, queued, service_time, wait_time, merged, time, sectors;
  std::optional<Pressure> pressure;
};

struct HugetlbStats {
  std::uint64_t usage = 0, max = 0, failures = 0;
};

struct Stats {
  CpuStats cpu;
  CpusetStats cpuset;
  MemoryStats memory;
  std::uint64_t pids = 0, pids_limit = 0;  // limit 0: none
  BlockStats block;
  std::map<std::string, HugetlbStats> hugetlb;  // by page size: "2MB"
};

// A controller that is not there leaves its part at zero. `unified`: the group in the v2 hierarchy of a
// hybrid host, for pressure and what else v1 has not; may be null.
Stats stats_v1(const FindGroup& find, const Group* unified);
Stats stats_v2(const Group& group);

// The "data" of a "stats" event.
void write(json::Writer& w, const Stats& stats);

// "0-2,7": 0 1 2 7.
std::vector<std::uint16_t> parse_number_list(std::string_view text);
std::optional<Pressure> parse_pressure(std::string_view text);

}  // namespace rocker::cgroup
