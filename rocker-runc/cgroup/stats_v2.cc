#include <dirent.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "rocker-runc/cgroup/stats.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::map<std::string, std::uint64_t> keyed(const std::optional<std::string>& text) {
  std::map<std::string, std::uint64_t> found;
  if (!text) return found;
  for (const auto line : split(*text, '\n')) {
    const auto space = line.find(' ');
    if (space == line.npos) continue;
    if (const auto value = to_number(line.substr(space + 1))) found.emplace(line.substr(0, space), *value);
  }
  return found;
}

std::uint64_t value_of(const std::map<std::string, std::uint64_t>& values, const std::string& key) {
  const auto found = values.find(key);
  return found != values.end() ? found->second : 0;
}

void read_cpu(const Group& group, CpuStats& cpu) {
  const auto stat = keyed(group.read_if_exists("cpu.stat"));  // microseconds
  cpu.total = value_of(stat, "usage_usec") * 1000;
  cpu.user = value_of(stat, "user_usec") * 1000;
  cpu.kernel = value_of(stat, "system_usec") * 1000;
  cpu.periods = value_of(stat, "nr_periods");
  cpu.throttled_periods = value_of(stat, "nr_throttled");
  cpu.throttled_time = value_of(stat, "throttled_usec") * 1000;
  cpu.pressure = parse_pressure(group.read_if_exists("cpu.pressure").value_or(""));
}

void read_memory(const Group& group, MemoryStats& memory) {
  memory.raw = keyed(group.read_if_exists("memory.stat"));
  memory.cache = value_of(memory.raw, "file");
  const auto events = keyed(group.read_if_exists("memory.events"));
  memory.usage = {.limit = group.number("memory.max").value_or(0),
                  .usage = group.number("memory.current").value_or(0),
                  .max = group.number("memory.peak").value_or(0),  // Linux 5.19
                  .failures = value_of(events, "max")};
  // As on v1 this is memory and swap together, which is what the readers of these numbers expect.
  const auto swap_limit = group.number("memory.swap.max");
  if (swap_limit) {
    const bool unlimited = *swap_limit == UINT64_MAX || memory.usage.limit == UINT64_MAX;
    memory.swap.limit = unlimited ? UINT64_MAX : *swap_limit + memory.usage.limit;
    memory.swap.usage = group.number("memory.swap.current").value_or(0) + memory.usage.usage;
    memory.swap.max =
        memory.usage.max == 0 ? 0 : group.number("memory.swap.peak").value_or(0) + memory.usage.max;
    memory.swap.failures = value_of(keyed(group.read_if_exists("memory.swap.events")), "fail");
  }
  memory.pressure = parse_pressure(group.read_if_exists("memory.pressure").value_or(""));
}

void read_io(const Group& group, BlockStats& block) {
  // "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"; a disk without numbers is "8:0" alone.
  const std::string lines = group.read_if_exists("io.stat").value_or("");
  for (const auto line : split(lines, '\n')) {
    const auto words = split(line, ' ');
    const auto colon = words[0].find(':');
    if (colon == words[0].npos) continue;
    const auto major = to_number(words[0].substr(0, colon)), minor = to_number(words[0].substr(colon + 1));
    if (!major || !minor) continue;
    for (const auto word : words) {
      const auto equals = word.find('=');
      if (equals == word.npos) continue;
      const auto value = to_number(word.substr(equals + 1));
      if (!value) continue;
      const auto key = word.substr(0, equals);
      const char* operation = key.starts_with('r') ? "Read" : key.starts_with('w') ? "Write" : "Discard";
      auto& list = key.ends_with("bytes") ? block.service_bytes : block.serviced;
      if (!key.ends_with("bytes") && !key.ends_with("ios")) continue;
      list.push_back({*major, *minor, operation, *value});
    }
  }
  block.pressure = parse_pressure(group.read_if_exists("io.pressure").value_or(""));
}

}  // namespace

// "hugetlb.2MB.current", "hugetlb.2MB.rsvd.current"; v1: "usage_in_bytes". Reservations win, as the limit is
// on them.
void read_hugetlb(const Group& group, bool v2, std::map<std::string, HugetlbStats>& out) {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir("/sys/kernel/mm/hugepages"));
  if (!dir) return;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string_view name = entry->d_name;  // "hugepages-2048kB"
    if (!name.starts_with("hugepages-") || !name.ends_with("kB")) continue;
    name.remove_prefix(10);
    name.remove_suffix(2);
    const auto kilobytes = to_number(name);
    if (!kilobytes) continue;
    const std::string size = *kilobytes % 1048576 == 0 ? cat(*kilobytes / 1048576, "GB")
                             : *kilobytes % 1024 == 0  ? cat(*kilobytes / 1024, "MB")
                                                       : cat(*kilobytes, "KB");
    const std::string base = cat("hugetlb.", size);
    const char* usage = v2 ? ".current" : ".usage_in_bytes";
    const bool reserved = group.read_if_exists(cat(base, ".rsvd", usage)).has_value();
    const std::string prefix = reserved ? cat(base, ".rsvd") : base;
    const auto used = group.number(cat(prefix, usage));
    if (!used) continue;
    HugetlbStats& stats = out[size];
    stats.usage = *used;
    if (v2) {
      stats.failures = group.number(cat(base, ".events"), "max").value_or(0);
    } else {
      stats.max = group.number(cat(prefix, ".max_usage_in_bytes")).value_or(0);
      stats.failures = group.number(cat(prefix, ".failcnt")).value_or(0);
    }
  }
}

Stats stats_v2(const Group& group) {
  Stats stats;
  if (!group.exists()) return stats;
  read_cpu(group, stats.cpu);
  stats.cpuset.cpus = parse_number_list(group.read_if_exists("cpuset.cpus.effective").value_or(""));
  stats.cpuset.mems = parse_number_list(group.read_if_exists("cpuset.mems.effective").value_or(""));
  read_memory(group, stats.memory);
  stats.pids = group.number("pids.current").value_or(0);
  const auto limit = group.number("pids.max").value_or(UINT64_MAX);
  stats.pids_limit = limit == UINT64_MAX ? 0 : limit;
  read_io(group, stats.block);
  read_hugetlb(group, true, stats.hugetlb);
  return stats;
}

std::vector<std::uint16_t> parse_number_list(std::string_view text) {
  std::vector<std::uint16_t> numbers;
  for (const auto part : split(trim(text), ',')) {
    const auto dash = part.find('-');
    const auto first = to_number(part.substr(0, dash));
    const auto last = dash == part.npos ? first : to_number(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last > UINT16_MAX) continue;
    for (auto n = *first; n <= *last; ++n) numbers.push_back(static_cast<std::uint16_t>(n));
  }
  return numbers;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and the same for "full".
std::optional<Pressure> parse_pressure(std::string_view text) {
  Pressure pressure;
  bool found = false;
  for (const auto line : split(text, '\n')) {
    PressureLine* out = line.starts_with("some ")   ? &pressure.some
                        : line.starts_with("full ") ? &pressure.full
                                                    : nullptr;
    if (out == nullptr) continue;
    found = true;
    for (const auto word : split(line, ' ')) {
      const auto equals = word.find('=');
      if (equals == word.npos) continue;
      const auto key = word.substr(0, equals);
      const std::string value(word.substr(equals + 1));
      if (key == "total") out->total = to_number(value).value_or(0);
      double* average = key == "avg10"    ? &out->avg10
                        : key == "avg60"  ? &out->avg60
                        : key == "avg300" ? &out->avg300
                                          : nullptr;
      // The kernel writes "12.34", whatever the locale; this program never sets one.
      if (average != nullptr) *average = std::strtod(value.c_str(), nullptr);
    }
  }
  if (!found) return std::nullopt;
  return pressure;
}

}  // namespace rocker::cgroup
