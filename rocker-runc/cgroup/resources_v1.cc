#include <cerrno>
#include <utility>

#include "rocker-runc/cgroup/resources.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

const Group& need(const FindGroup& find, std::string_view controller, std::string_view member) {
  if (const Group* group = find(controller)) return *group;
  throw Error(cat("/linux/resources/", member, ": the cgroup controller ", controller,
                  " is not available to this container"))
      .hint("it is not mounted below /sys/fs/cgroup, not in this kernel, or not delegated to this user");
}

// Writes one number, when it is set and not zero.
template <typename T>
void limit(const FindGroup& find, std::string_view controller, std::string_view member, std::string_view file,
           const std::optional<T>& value) {
  if (!value || *value == 0) return;
  need(find, controller, member).write(file, std::to_string(*value));
}

void set_memory(const FindGroup& find, const spec::MemoryResources& m) {
  std::vector<Setting> sizes;
  if (m.limit.value_or(0) != 0) sizes.push_back({"memory.limit_in_bytes", std::to_string(*m.limit)});
  if (m.swap.value_or(0) != 0) {
    sizes.push_back({"memory.memsw.limit_in_bytes", std::to_string(*m.swap)});
  } else if (m.limit == -1) {
    // Unlimited memory with the old limit on memory and swap together would be no change at all.
    const Group& group = need(find, "memory", "memory/limit");
    if (const int why = group.try_write("memory.memsw.limit_in_bytes", "-1"); why != 0 && why != ENOENT) {
      throw group.write_error("memory.memsw.limit_in_bytes", "-1", why);
    }
  }
  if (!sizes.empty()) {
    const Group& group = need(find, "memory", m.limit ? "memory/limit" : "memory/swap");
    if (sizes.size() == 1) {
      group.write(sizes[0].file, sizes[0].value);
    } else {
      group.write_settled(std::move(sizes));
    }
  }
  limit(find, "memory", "memory/reservation", "memory.soft_limit_in_bytes", m.reservation);
  limit(find, "memory", "memory/kernel", "memory.kmem.limit_in_bytes", m.kernel);
  limit(find, "memory", "memory/kernelTCP", "memory.kmem.tcp.limit_in_bytes", m.kernel_tcp);
  if (m.use_hierarchy) {
    // Linux 5.11 and newer know only hierarchical accounting, which is what runtimes want anyway.
    need(find, "memory", "memory/useHierarchy").write("memory.use_hierarchy", *m.use_hierarchy ? "1" : "0");
  }
  if (m.swappiness) {
    need(find, "memory", "memory/swappiness").write("memory.swappiness", std::to_string(*m.swappiness));
  }
  if (m.disable_oom_killer) {
    // Not disabled is how a group is born: nothing to do, and no controller needed for it.
    const Group* group =
        *m.disable_oom_killer ? &need(find, "memory", "memory/disableOOMKiller") : find("memory");
    if (group != nullptr) group->write("memory.oom_control", *m.disable_oom_killer ? "1" : "0");
  }
}

void set_cpu(const FindGroup& find, const spec::CpuResources& c) {
  // An idle group takes no shares: out of it first, into it last.
  if (c.idle.value_or(1) == 0) need(find, "cpu", "cpu/idle").write("cpu.idle", "0");
  if (c.shares.value_or(0) != 0) {
    // The kernel takes any number and keeps the nearest that it has.
    if (*c.shares < 2 || *c.shares > 262144) {
      throw Error(cat("/linux/resources/cpu/shares: ", *c.shares, " is out of range, expected 2 to 262144"));
    }
    write_cpu_weight(need(find, "cpu", "cpu/shares"), "cpu.shares", std::to_string(*c.shares));
  }
  std::vector<Setting> bandwidth;
  if (c.period.value_or(0) != 0) bandwidth.push_back({"cpu.cfs_period_us", std::to_string(*c.period)});
  if (c.quota.value_or(0) != 0) bandwidth.push_back({"cpu.cfs_quota_us", std::to_string(*c.quota)});
  if (c.burst) bandwidth.push_back({"cpu.cfs_burst_us", std::to_string(*c.burst)});
  if (!bandwidth.empty()) need(find, "cpu", "cpu/quota").write_settled(std::move(bandwidth));
  std::vector<Setting> realtime;
  if (c.realtime_period.value_or(0) != 0) {
    realtime.push_back({"cpu.rt_period_us", std::to_string(*c.realtime_period)});
  }
  if (c.realtime_runtime.value_or(0) != 0) {
    realtime.push_back({"cpu.rt_runtime_us", std::to_string(*c.realtime_runtime)});
  }
  if (!realtime.empty()) need(find, "cpu", "cpu/realtimeRuntime").write_settled(std::move(realtime));
  if (c.idle.value_or(0) != 0) need(find, "cpu", "cpu/idle").write("cpu.idle", std::to_string(*c.idle));
  if (!c.cpus.empty()) need(find, "cpuset", "cpu/cpus").write("cpuset.cpus", c.cpus);
  if (!c.mems.empty()) need(find, "cpuset", "cpu/mems").write("cpuset.mems", c.mems);
}

// The BFQ scheduler has its own files, the same but for the name.
void weight(const Group& group, std::string_view file, std::string_view bfq_file, const std::string& value) {
  const int why = group.try_write(file, value);
  if (why == 0) return;
  if (why != ENOENT) throw group.write_error(file, value, why);
  if (const int bfq_why = group.try_write(bfq_file, value); bfq_why != 0) {
    throw group.write_error(bfq_file, value, bfq_why);
  }
}

void set_block_io(const FindGroup& find, const spec::BlockIoResources& b) {
  if (b.weight.value_or(0) != 0) {
    weight(need(find, "blkio", "blockIO/weight"), "blkio.weight", "blkio.bfq.weight",
           std::to_string(*b.weight));
  }
  limit(find, "blkio", "blockIO/leafWeight", "blkio.leaf_weight", b.leaf_weight);
  for (const auto& d : b.weight_device) {
    const Group& group = need(find, "blkio", "blockIO/weightDevice");
    if (d.weight) {
      weight(group, "blkio.weight_device", "blkio.bfq.weight_device",
             cat(d.major, ":", d.minor, " ", *d.weight));
    }
    if (d.leaf_weight)
      group.write("blkio.leaf_weight_device", cat(d.major, ":", d.minor, " ", *d.leaf_weight));
  }
  const auto throttle = [&](std::string_view member, std::string_view file,
                            const std::vector<spec::BlockThrottle>& list) {
    for (const auto& t : list) {
      need(find, "blkio", cat("blockIO/", member)).write(file, cat(t.major, ":", t.minor, " ", t.rate));
    }
  };
  throttle("throttleReadBpsDevice", "blkio.throttle.read_bps_device", b.read_bps);
  throttle("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", b.write_bps);
  throttle("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", b.read_iops);
  throttle("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", b.write_iops);
}

}  // namespace

void set_v1(const FindGroup& find, const spec::Resources& r) {
  set_memory(find, r.memory);
  set_cpu(find, r.cpu);
  if (r.pids_limit) {
    // 0 would be a limit as well, but systemd can't say it and so it is 1 everywhere: a container that is,
    // has one.
    need(find, "pids", "pids/limit")
        .write("pids.max",
               *r.pids_limit < 0 ? "max" : std::to_string(*r.pids_limit == 0 ? 1 : *r.pids_limit));
  }
  set_block_io(find, r.block_io);
  if (!r.hugepage_limits.empty())
    set_hugepages(need(find, "hugetlb", "hugepageLimits"), r.hugepage_limits, "limit_in_bytes");
  limit(find, "net_cls", "network/classID", "net_cls.classid", r.network.class_id);
  for (const auto& p : r.network.priorities) {
    need(find, "net_prio", "network/priorities").write("net_prio.ifpriomap", cat(p.name, " ", p.priority));
  }
  for (const auto& [device, rdma] : r.rdma) {
    std::string line = device;
    if (rdma.hca_handles) line += cat(" hca_handle=", *rdma.hca_handles);
    if (rdma.hca_objects) line += cat(" hca_object=", *rdma.hca_objects);
    need(find, "rdma", "rdma").write("rdma.max", line);
  }
}

}  // namespace rocker::cgroup
