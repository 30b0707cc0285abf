#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "rocker-runc/cgroup/resources.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// config-linux.md, "Unified": "If the conversion is not possible the runtime MUST generate an error."
[[noreturn]] void refuse(std::string_view member, std::string hint = "leave it out on hosts with cgroup v2") {
  throw Error(cat("/linux/resources/", member, ": cgroup v2 has nothing like it")).hint(std::move(hint));
}

std::string bytes(std::int64_t value) {
  return value < 0 ? "max" : std::to_string(value);
}

void check_memory_usage(const Group& group, const spec::MemoryResources& m) {
  if (!m.check_before_update.value_or(false)) return;
  const std::int64_t limit = m.limit.value_or(0);
  if (limit <= 0) return;
  const auto usage = group.number("memory.current");
  if (!usage || *usage <= static_cast<std::uint64_t>(limit)) return;
  throw Error(cat("/linux/resources/memory/limit: ", limit, " is below the ", *usage,
                  " bytes that the container uses now, and checkBeforeUpdate forbids that"));
}

void set_memory(const Group& group, const spec::MemoryResources& m) {
  if (m.kernel.value_or(0) > 0)
    refuse("memory/kernel", "kernel memory counts as memory there: use memory.limit");
  if (m.kernel_tcp.value_or(0) > 0) refuse("memory/kernelTCP");
  if (m.swappiness) refuse("memory/swappiness");
  if (m.disable_oom_killer.value_or(false)) refuse("memory/disableOOMKiller");
  if (m.use_hierarchy && !*m.use_hierarchy)
    refuse("memory/useHierarchy", "accounting is always hierarchical there");
  check_memory_usage(group, m);
  std::int64_t limit = m.limit.value_or(0);
  if (m.swap.value_or(0) > 0 && limit == 0) {
    // An update of the sum alone: the part that is memory stays.
    if (const auto now = group.number("memory.max"); now && *now <= INT64_MAX)
      limit = static_cast<std::int64_t>(*now);
  }
  const std::string swap = swap_of_memsw(limit, m.swap.value_or(0));
  if (!swap.empty()) {
    const int why = group.try_write("memory.swap.max", swap);
    // Without swap accounting there is no file, and neither can any be used nor is anything kept from being.
    if (why != 0 && !(why == ENOENT && (swap == "0" || swap == "max"))) {
      throw group.write_error("memory.swap.max", swap, why);
    }
  }
  if (m.limit.value_or(0) != 0) group.write("memory.max", bytes(*m.limit));
  if (m.reservation.value_or(0) != 0) group.write("memory.low", bytes(*m.reservation));
}

void set_cpu(const Group& group, const spec::CpuResources& c) {
  if (c.realtime_period.value_or(0) != 0) refuse("cpu/realtimePeriod");
  if (c.realtime_runtime.value_or(0) != 0) refuse("cpu/realtimeRuntime");
  if (c.idle.value_or(1) == 0) group.write("cpu.idle", "0");  // an idle group would take no weight
  if (c.shares.value_or(0) != 0) {
    write_cpu_weight(group, "cpu.weight", std::to_string(weight_of_shares(*c.shares)));
  }
  if (c.idle.value_or(0) != 0) group.write("cpu.idle", std::to_string(*c.idle));
  std::vector<Setting> bandwidth;
  const std::int64_t quota = c.quota.value_or(0);
  const std::uint64_t period = c.period.value_or(0);
  if (quota != 0 || period != 0) {
    std::string value = quota > 0 ? std::to_string(quota) : "max";
    if (quota == 0) {
      // A new period alone: the quota stays. The file holds "max 100000" or "20000 100000".
      const std::string now = group.read("cpu.max");
      value = now.substr(0, now.find(' '));
    }
    // Without a period the kernel keeps the one that is set (100000 in a new group).
    if (period != 0) value += cat(" ", period);
    bandwidth.push_back({"cpu.max", std::move(value)});
  }
  if (c.burst) bandwidth.push_back({"cpu.max.burst", std::to_string(*c.burst)});
  if (!bandwidth.empty()) group.write_settled(std::move(bandwidth));
}

void set_block_io(const Group& group, const spec::BlockIoResources& b) {
  if (b.leaf_weight.value_or(0) != 0) refuse("blockIO/leafWeight");
  // The BFQ scheduler takes v1's weights; io.weight has a scale of its own.
  const auto weight = [&](std::string_view device, std::uint64_t value) {
    const std::string bfq = cat(device, value);
    const int why = group.try_write("io.bfq.weight", bfq);
    if (why == 0) return;
    if (why != ENOENT) throw group.write_error("io.bfq.weight", bfq, why);
    group.write("io.weight", cat(device, io_weight_of_blkio(value)));
  };
  if (b.weight.value_or(0) != 0) weight("", *b.weight);
  for (const auto& d : b.weight_device) {
    if (d.leaf_weight.value_or(0) != 0) refuse("blockIO/weightDevice/leafWeight");
    if (d.weight) weight(cat(d.major, ":", d.minor, " "), *d.weight);
  }
  const auto throttle = [&](std::string_view key, const std::vector<spec::BlockThrottle>& list) {
    for (const auto& t : list) {
      // A rate of 0 takes a limit away, as it does on v1.
      group.write("io.max",
                  cat(t.major, ":", t.minor, " ", key, "=", t.rate == 0 ? "max" : std::to_string(t.rate)));
    }
  };
  throttle("rbps", b.read_bps);
  throttle("wbps", b.write_bps);
  throttle("riops", b.read_iops);
  throttle("wiops", b.write_iops);
}

constexpr double log2_of_10 = 3.321928094887362;

// Bit by bit, of a number above 0. libm's would be the only call of it in the program, and to load libm takes
// every start of a container longer than these fifty multiplications.
double log2_of(std::uint64_t number) {
  const int whole = std::bit_width(number) - 1;
  double log = whole;
  double rest = static_cast<double>(number) / static_cast<double>(std::uint64_t{1} << whole);
  for (double bit = 0.5; bit > 1e-16; bit /= 2) {
    rest *= rest;
    if (rest < 2) continue;
    rest /= 2;
    log += bit;
  }
  return log;
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  // The parabola through (2, 1), (1024, 100), (262144, 10000), all three as logarithms: the least weight that
  // is not below it. 1e-12 is for those three, which are met exactly; no other number of shares comes closer
  // than 5e-10.
  const double l = log2_of(shares);
  const double exponent = ((l * l + 125 * l) / 612.0 - 7.0 / 34.0) * log2_of_10 - 1e-12;
  std::uint64_t below = 0;
  std::uint64_t weight = 10000;
  while (weight - below > 1) {
    const std::uint64_t middle = (below + weight) / 2;
    (log2_of(middle) < exponent ? below : weight) = middle;
  }
  return weight;
}

void write_cpu_weight(const Group& group, std::string_view file, const std::string& value) {
  const int why = group.try_write(file, value);
  if (why == 0) return;
  if (why != EINVAL || group.number("cpu.idle").value_or(0) == 0) throw group.write_error(file, value, why);
  group.write("cpu.idle", "0");
  group.write(file, value);
}

std::uint64_t io_weight_of_blkio(std::uint64_t weight) {
  const std::uint64_t least = 10;
  return 1 + (std::max(weight, least) - least) * 9999 / 990;
}

std::string swap_of_memsw(std::int64_t limit, std::int64_t swap) {
  // v1 can't have the sum limited below memory, so memory without a limit takes the limit off the sum as
  // well.
  if (swap == 0) return limit == -1 ? "max" : "";
  if (swap == -1) return "max";
  if (swap < -1)
    throw Error(cat("/linux/resources/memory/swap: ", swap, " is out of range, expected -1 or more"));
  if (limit <= 0) {
    throw Error(cat("/linux/resources/memory/swap: ", swap,
                    " is memory and swap together, and memory.limit is not set"))
        .hint("set memory.limit as well");
  }
  if (swap < limit) {
    throw Error(cat("/linux/resources/memory/swap: ", swap,
                    " is memory and swap together and may not be below the ", limit, " of memory.limit"));
  }
  return std::to_string(swap - limit);
}

void set_v2_unified(const Group& group, const spec::Resources& r) {
  for (const auto& [file, value] : r.unified) {
    // Files like io.max take one line a write.
    if (value.find('\n') == value.npos) {
      group.write(file, value);
      continue;
    }
    for (const auto line : split(value, '\n')) {
      if (!trim(line).empty()) group.write(file, line);
    }
  }
}

void set_v2(const Group& group, const spec::Resources& r) {
  if (r.network.class_id.value_or(0) != 0) refuse("network/classID");
  if (!r.network.priorities.empty()) refuse("network/priorities");
  set_memory(group, r.memory);
  set_cpu(group, r.cpu);
  if (r.pids_limit) group.write("pids.max", *r.pids_limit == 0 ? "1" : bytes(*r.pids_limit));
  set_block_io(group, r.block_io);
  set_hugepages(group, r.hugepage_limits, "max");
  for (const auto& [device, rdma] : r.rdma) {
    std::string line = device;
    if (rdma.hca_handles) line += cat(" hca_handle=", *rdma.hca_handles);
    if (rdma.hca_objects) line += cat(" hca_object=", *rdma.hca_objects);
    group.write("rdma.max", line);
  }
  // Near the end, since one that was empty can't be made so again.
  if (!r.cpu.cpus.empty()) group.write("cpuset.cpus", r.cpu.cpus);
  if (!r.cpu.mems.empty()) group.write("cpuset.mems", r.cpu.mems);
  set_v2_unified(group, r);
}

std::vector<std::string> needed_v2_controllers(const spec::Resources& r) {
  std::vector<std::string> needed;
  const auto add = [&](std::string_view name) {
    if (std::find(needed.begin(), needed.end(), name) == needed.end()) needed.emplace_back(name);
  };
  const auto& m = r.memory;
  if (m.limit.value_or(0) != 0 || m.reservation.value_or(0) != 0 || m.swap.value_or(0) != 0) add("memory");
  const auto& c = r.cpu;
  if (c.shares.value_or(0) != 0 || c.quota.value_or(0) != 0 || c.period.value_or(0) != 0 || c.burst || c.idle)
    add("cpu");
  if (!c.cpus.empty() || !c.mems.empty()) add("cpuset");
  if (r.pids_limit) add("pids");
  const auto& b = r.block_io;
  if (b.weight.value_or(0) != 0 || !b.weight_device.empty() || !b.read_bps.empty() || !b.write_bps.empty() ||
      !b.read_iops.empty() || !b.write_iops.empty()) {
    add("io");
  }
  if (!r.hugepage_limits.empty()) add("hugetlb");
  if (!r.rdma.empty()) add("rdma");
  for (const auto& [file, value] : r.unified) {
    const auto controller = std::string_view(file).substr(0, file.find('.'));
    // cgroup.* are the core's, and pressure files are there without their controller.
    if (controller != "cgroup" && !file.ends_with(".pressure")) add(controller);
  }
  return needed;
}

}  // namespace rocker::cgroup
