#include <unistd.h>

#include <algorithm>

#include "rocker-runc/cgroup/stats.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

std::vector<std::uint64_t> numbers(const std::optional<std::string>& text) {
  std::vector<std::uint64_t> found;
  if (!text) return found;
  for (const auto word : split(trim(*text), ' ')) {
    if (const auto value = to_number(word)) found.push_back(*value);
  }
  return found;
}

void read_cpuacct(const Group& group, CpuStats& cpu) {
  cpu.total = group.number("cpuacct.usage").value_or(0);
  // cpuacct.stat is in clock ticks: coarse, and where the newer files are there, not needed.
  const auto user = group.number("cpuacct.usage_user"), kernel = group.number("cpuacct.usage_sys");
  if (user && kernel) {
    cpu.user = *user;
    cpu.kernel = *kernel;
  } else {
    const auto tick = 1000000000ULL / static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
    cpu.user = group.number("cpuacct.stat", "user").value_or(0) * tick;
    cpu.kernel = group.number("cpuacct.stat", "system").value_or(0) * tick;
  }
  cpu.per_cpu = numbers(group.read_if_exists("cpuacct.usage_percpu"));
  // "cpu user system", then a line for each CPU.
  if (const auto all = group.read_if_exists("cpuacct.usage_all")) {
    for (const auto line : split(*all, '\n')) {
      const auto words = split(line, ' ');
      if (words.size() != 3) continue;
      const auto in_user = to_number(words[1]), in_kernel = to_number(words[2]);
      if (!in_user || !in_kernel) continue;
      cpu.per_cpu_user.push_back(*in_user);
      cpu.per_cpu_kernel.push_back(*in_kernel);
    }
  }
}

void read_cpuset(const Group& group, CpusetStats& cpuset) {
  cpuset.cpus = parse_number_list(group.read_if_exists("cpuset.cpus").value_or(""));
  cpuset.mems = parse_number_list(group.read_if_exists("cpuset.mems").value_or(""));
  const auto flag = [&](std::string_view name) { return group.number(cat("cpuset.", name)).value_or(0); };
  cpuset.cpu_exclusive = flag("cpu_exclusive");
  cpuset.mem_hardwall = flag("mem_hardwall");
  cpuset.mem_exclusive = flag("mem_exclusive");
  cpuset.memory_migrate = flag("memory_migrate");
  cpuset.memory_spread_page = flag("memory_spread_page");
  cpuset.memory_spread_slab = flag("memory_spread_slab");
  cpuset.memory_pressure = flag("memory_pressure");
  cpuset.sched_load_balance = flag("sched_load_balance");
  long long level = 0;
  if (const auto text = group.read_if_exists("cpuset.sched_relax_domain_level");
      text && parse_number(*text, level)) {
    cpuset.sched_relax_domain_level = level;
  }
}

MemoryEntry memory_entry(const Group& group, std::string_view prefix) {
  const auto value = [&](std::string_view name) { return group.number(cat(prefix, ".", name)).value_or(0); };
  return {.limit = value("limit_in_bytes"),
          .usage = value("usage_in_bytes"),
          .max = value("max_usage_in_bytes"),
          .failures = value("failcnt")};
}

void read_memory(const Group& group, MemoryStats& memory) {
  memory.usage = memory_entry(group, "memory");
  memory.swap = memory_entry(group, "memory.memsw");
  memory.kernel = memory_entry(group, "memory.kmem");
  memory.kernel_tcp = memory_entry(group, "memory.kmem.tcp");
  const std::string lines = group.read_if_exists("memory.stat").value_or("");
  for (const auto line : split(lines, '\n')) {
    const auto space = line.find(' ');
    if (space == line.npos) continue;
    if (const auto value = to_number(line.substr(space + 1)))
      memory.raw.emplace(line.substr(0, space), *value);
  }
  if (const auto cache = memory.raw.find("cache"); cache != memory.raw.end()) memory.cache = cache->second;
}

// "8:0 Read 4096", "8:0 4096" and, at the end, "Total 4096".
std::vector<BlockEntry> block_entries(const Group& group, std::string_view file) {
  std::vector<BlockEntry> entries;
  const std::string lines = group.read_if_exists(file).value_or("");
  for (const auto line : split(lines, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() < 2) continue;
    const auto colon = words[0].find(':');
    if (colon == words[0].npos) continue;
    const auto major = to_number(words[0].substr(0, colon)), minor = to_number(words[0].substr(colon + 1));
    const auto value = to_number(words.back());
    if (!major || !minor || !value) continue;
    entries.push_back({*major, *minor, words.size() > 2 ? std::string(words[1]) : "", *value});
  }
  return entries;
}

void read_block(const Group& group, BlockStats& block) {
  // Which of the three has the numbers depends on the scheduler of the disks: CFQ, BFQ, or none, when
  // throttling counts.
  const auto first_of = [&](std::string_view name, bool throttle) {
    for (const std::string_view prefix : {"blkio.bfq.", "blkio."}) {
      auto entries = block_entries(group, cat(prefix, name, "_recursive"));
      if (!entries.empty()) return entries;
    }
    if (!throttle) return std::vector<BlockEntry>();
    auto entries = block_entries(group, cat("blkio.throttle.", name, "_recursive"));
    return !entries.empty() ? entries : block_entries(group, cat("blkio.throttle.", name));
  };
  block.service_bytes = first_of("io_service_bytes", true);
  block.serviced = first_of("io_serviced", true);
  block.queued = first_of("io_queued", false);
  block.service_time = first_of("io_service_time", false);
  block.wait_time = first_of("io_wait_time", false);
  block.merged = first_of("io_merged", false);
  block.time = first_of("time", false);
  block.sectors = first_of("sectors", false);
}

}  // namespace

void read_hugetlb(const Group& group, bool v2, std::map<std::string, HugetlbStats>& out);  // stats_v2.cc

Stats stats_v1(const FindGroup& find, const Group* unified) {
  Stats stats;
  if (const Group* group = find("cpuacct")) read_cpuacct(*group, stats.cpu);
  if (const Group* group = find("cpu")) {
    stats.cpu.periods = group->number("cpu.stat", "nr_periods").value_or(0);
    stats.cpu.throttled_periods = group->number("cpu.stat", "nr_throttled").value_or(0);
    stats.cpu.throttled_time = group->number("cpu.stat", "throttled_time").value_or(0);
  }
  if (const Group* group = find("cpuset")) read_cpuset(*group, stats.cpuset);
  if (const Group* group = find("memory")) read_memory(*group, stats.memory);
  if (const Group* group = find("pids")) {
    stats.pids = group->number("pids.current").value_or(0);
    const auto limit = group->number("pids.max").value_or(UINT64_MAX);
    stats.pids_limit = limit == UINT64_MAX ? 0 : limit;
  }
  if (const Group* group = find("blkio")) read_block(*group, stats.block);
  if (const Group* group = find("hugetlb")) {
    read_hugetlb(*group, false, stats.hugetlb);
  } else if (unified != nullptr && unified->exists()) {
    read_hugetlb(*unified, true, stats.hugetlb);
  }
  if (unified != nullptr && unified->exists()) {
    stats.cpu.pressure = parse_pressure(unified->read_if_exists("cpu.pressure").value_or(""));
    stats.memory.pressure = parse_pressure(unified->read_if_exists("memory.pressure").value_or(""));
    stats.block.pressure = parse_pressure(unified->read_if_exists("io.pressure").value_or(""));
  }
  return stats;
}

}  // namespace rocker::cgroup
