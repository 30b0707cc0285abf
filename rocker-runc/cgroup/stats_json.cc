#include "rocker-runc/cgroup/stats.hh"
#include "spec/json.hh"

namespace rocker::cgroup {

namespace {

void write_pressure(json::Writer& w, const std::optional<Pressure>& pressure) {
  if (!pressure) return;
  w.object("psi", [&] {
    for (const auto& [name, line] :
         {std::pair("some", &pressure->some), std::pair("full", &pressure->full)}) {
      w.object(name, [&] {
        w.member("avg10", line->avg10);
        w.member("avg60", line->avg60);
        w.member("avg300", line->avg300);
        w.member("total", line->total);
      });
    }
  });
}

void write_memory_entry(json::Writer& w, std::string_view name, const MemoryEntry& entry) {
  w.object(name, [&] {
    w.member("limit", entry.limit);
    w.unless_empty("usage", entry.usage);
    w.unless_empty("max", entry.max);
    w.member("failcnt", entry.failures);
  });
}

void write_block_entries(json::Writer& w, std::string_view name, const std::vector<BlockEntry>& entries) {
  if (entries.empty()) return;
  w.array(name, [&] {
    for (const auto& entry : entries) {
      w.object([&] {
        w.unless_empty("major", entry.major);
        w.unless_empty("minor", entry.minor);
        w.unless_empty("op", entry.operation);
        w.unless_empty("value", entry.value);
      });
    }
  });
}

void write_cpu(json::Writer& w, const CpuStats& cpu) {
  w.object("cpu", [&] {
    w.object("usage", [&] {
      w.unless_empty("total", cpu.total);
      w.unless_empty("percpu", cpu.per_cpu);
      w.unless_empty("percpu_kernel", cpu.per_cpu_kernel);
      w.unless_empty("percpu_user", cpu.per_cpu_user);
      w.member("kernel", cpu.kernel);
      w.member("user", cpu.user);
    });
    w.object("throttling", [&] {
      w.unless_empty("periods", cpu.periods);
      w.unless_empty("throttledPeriods", cpu.throttled_periods);
      w.unless_empty("throttledTime", cpu.throttled_time);
    });
    write_pressure(w, cpu.pressure);
  });
}

void write_cpuset(json::Writer& w, const CpusetStats& cpuset) {
  w.object("cpuset", [&] {
    w.unless_empty("cpus", cpuset.cpus);
    w.member("cpu_exclusive", cpuset.cpu_exclusive);
    w.unless_empty("mems", cpuset.mems);
    w.member("mem_hardwall", cpuset.mem_hardwall);
    w.member("mem_exclusive", cpuset.mem_exclusive);
    w.member("memory_migrate", cpuset.memory_migrate);
    w.member("memory_spread_page", cpuset.memory_spread_page);
    w.member("memory_spread_slab", cpuset.memory_spread_slab);
    w.member("memory_pressure", cpuset.memory_pressure);
    w.member("sched_load_balance", cpuset.sched_load_balance);
    w.member("sched_relax_domain_level", cpuset.sched_relax_domain_level);
  });
}

}  // namespace

void write(json::Writer& w, const Stats& stats) {
  w.object([&] {
    write_cpu(w, stats.cpu);
    write_cpuset(w, stats.cpuset);
    w.object("memory", [&] {
      w.unless_empty("cache", stats.memory.cache);
      write_memory_entry(w, "usage", stats.memory.usage);
      write_memory_entry(w, "swap", stats.memory.swap);
      write_memory_entry(w, "kernel", stats.memory.kernel);
      write_memory_entry(w, "kernelTCP", stats.memory.kernel_tcp);
      w.unless_empty("raw", stats.memory.raw);
      write_pressure(w, stats.memory.pressure);
    });
    w.object("pids", [&] {
      w.unless_empty("current", stats.pids);
      w.unless_empty("limit", stats.pids_limit);
    });
    w.object("blkio", [&] {
      write_block_entries(w, "ioServiceBytesRecursive", stats.block.service_bytes);
      write_block_entries(w, "ioServicedRecursive", stats.block.serviced);
      write_block_entries(w, "ioQueueRecursive", stats.block.queued);
      write_block_entries(w, "ioServiceTimeRecursive", stats.block.service_time);
      write_block_entries(w, "ioWaitTimeRecursive", stats.block.wait_time);
      write_block_entries(w, "ioMergedRecursive", stats.block.merged);
      write_block_entries(w, "ioTimeRecursive", stats.block.time);
      write_block_entries(w, "sectorsRecursive", stats.block.sectors);
      write_pressure(w, stats.block.pressure);
    });
    w.object("hugetlb", [&] {
      for (const auto& [size, entry] : stats.hugetlb) {
        w.object(size, [&] {
          w.unless_empty("usage", entry.usage);
          w.unless_empty("max", entry.max);
          w.member("failcnt", entry.failures);
        });
      }
    });
    w.object("intel_rdt", [] {});
    w.key("network_interfaces"), w.null();
  });
}

}  // namespace rocker::cgroup
