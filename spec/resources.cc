#include "spec/resources.hh"

#include "spec/json.hh"
#include "spec/support/str.hh"

namespace rocker::spec {

static void read(const json::Value& v, DeviceRule& rule) {
  v.require("allow", rule.allow);
  if (const auto type = v.find("type")) {
    const std::string text = type->as_string();
    if (text != "a" && text != "b" && text != "c" && !text.empty()) {
      throw type->error(cat("expected \"a\", \"b\" or \"c\", found ", type->shown()));
    }
    if (!text.empty()) rule.type = text[0];
  }
  // Engines write -1 for "all" as well as leaving the member out.
  for (const auto& [name, number] : {std::pair("major", &rule.major), std::pair("minor", &rule.minor)}) {
    v.member(name, *number);
    if (*number && **number == -1) number->reset();
    if (*number && (**number < 0 || **number > UINT32_MAX)) {
      throw v.at(name).error(cat(v.at(name).shown(), " is out of range, expected 0 to ", UINT32_MAX));
    }
  }
  v.member("access", rule.access);
  if (rule.access.find_first_not_of("rwm") != std::string::npos) {
    throw v.at("access").error(cat("expected a composition of r, w and m, found ", v.at("access").shown()));
  }
}

static void read(const json::Value& v, MemoryResources& m) {
  v.member("limit", m.limit);
  v.member("reservation", m.reservation);
  v.member("swap", m.swap);
  v.member("kernel", m.kernel);
  v.member("kernelTCP", m.kernel_tcp);
  v.member("swappiness", m.swappiness);
  if (m.swappiness && *m.swappiness > 100) {
    throw v.at("swappiness").error(cat(*m.swappiness, " is out of range, expected 0 to 100"));
  }
  v.member("disableOOMKiller", m.disable_oom_killer);
  v.member("useHierarchy", m.use_hierarchy);
  v.member("checkBeforeUpdate", m.check_before_update);
}

static void read(const json::Value& v, CpuResources& c) {
  v.member("shares", c.shares);
  v.member("quota", c.quota);
  v.member("burst", c.burst);
  v.member("period", c.period);
  v.member("realtimeRuntime", c.realtime_runtime);
  v.member("realtimePeriod", c.realtime_period);
  v.member("cpus", c.cpus);
  v.member("mems", c.mems);
  v.member("idle", c.idle);
}

// config-linux.md, "Block IO": 10 to 1000. Engines send 0 for what is not set.
static void check_weights(const json::Value& v, std::optional<std::uint16_t> weight,
                          std::optional<std::uint16_t> leaf_weight) {
  for (const auto& [name, value] : {std::pair("weight", weight), std::pair("leafWeight", leaf_weight)}) {
    if (value.value_or(0) != 0 && (*value < 10 || *value > 1000))
      throw v.at(name).error(cat("is out of range, expected 10 to 1000, found ", *value));
  }
}

static void read(const json::Value& v, BlockWeight& w) {
  v.require("major", w.major);
  v.require("minor", w.minor);
  v.member("weight", w.weight);
  v.member("leafWeight", w.leaf_weight);
  check_weights(v, w.weight, w.leaf_weight);
  if (!w.weight && !w.leaf_weight) throw v.error("has neither \"weight\" nor \"leafWeight\"");
}

static void read(const json::Value& v, BlockThrottle& t) {
  v.require("major", t.major);
  v.require("minor", t.minor);
  v.require("rate", t.rate);
}

static void read(const json::Value& v, BlockIoResources& b) {
  v.member("weight", b.weight);
  v.member("leafWeight", b.leaf_weight);
  check_weights(v, b.weight, b.leaf_weight);
  v.member("weightDevice", b.weight_device);
  v.member("throttleReadBpsDevice", b.read_bps);
  v.member("throttleWriteBpsDevice", b.write_bps);
  v.member("throttleReadIOPSDevice", b.read_iops);
  v.member("throttleWriteIOPSDevice", b.write_iops);
}

static void read(const json::Value& v, HugepageLimit& h) {
  v.require("pageSize", h.page_size);
  // It becomes part of a file name: "hugetlb.2MB.limit_in_bytes".
  const auto digits = h.page_size.find_first_not_of("0123456789");
  const auto unit = digits == std::string::npos ? "" : h.page_size.substr(digits);
  if (digits == 0 || h.page_size[0] == '0' || (unit != "KB" && unit != "MB" && unit != "GB")) {
    throw v.at("pageSize")
        .error(cat("expected a size like \"2MB\" or \"1GB\", found ", v.at("pageSize").shown()));
  }
  v.require("limit", h.limit);
}

static void read(const json::Value& v, NetworkPriority& p) {
  v.require("name", p.name);
  v.require("priority", p.priority);
}

static void read(const json::Value& v, NetworkResources& n) {
  v.member("classID", n.class_id);
  v.member("priorities", n.priorities);
}

static void read(const json::Value& v, RdmaLimit& r) {
  v.member("hcaHandles", r.hca_handles);
  v.member("hcaObjects", r.hca_objects);
}

void read(const json::Value& v, Resources& r) {
  v.member("devices", r.devices);
  v.member("memory", r.memory);
  v.member("cpu", r.cpu);
  v.member("blockIO", r.block_io);
  if (const auto pids = v.find("pids")) pids->member("limit", r.pids_limit);
  v.member("hugepageLimits", r.hugepage_limits);
  v.member("network", r.network);
  v.member("rdma", r.rdma);
  v.member("unified", r.unified);
  for (const auto& [file, value] : r.unified) {
    // A key is a file of the container's own cgroup and must not lead anywhere else.
    if (file.empty() || file.find('/') != std::string::npos || file == "." || file == "..") {
      throw v.at("unified").error(cat("\"", printable(file), "\" is not the name of a cgroup file"));
    }
  }
}

static void write_throttles(json::Writer& w, std::string_view name, const std::vector<BlockThrottle>& list) {
  if (list.empty()) return;
  w.array(name, [&] {
    for (const auto& t : list) {
      w.object([&] {
        w.member("major", t.major);
        w.member("minor", t.minor);
        w.member("rate", t.rate);
      });
    }
  });
}

static void write(json::Writer& w, const MemoryResources& m) {
  w.object([&] {
    w.member("limit", m.limit);
    w.member("reservation", m.reservation);
    w.member("swap", m.swap);
    w.member("kernel", m.kernel);
    w.member("kernelTCP", m.kernel_tcp);
    w.member("swappiness", m.swappiness);
    w.member("disableOOMKiller", m.disable_oom_killer);
    w.member("useHierarchy", m.use_hierarchy);
    w.member("checkBeforeUpdate", m.check_before_update);
  });
}

static void write(json::Writer& w, const CpuResources& c) {
  w.object([&] {
    w.member("shares", c.shares);
    w.member("quota", c.quota);
    w.member("burst", c.burst);
    w.member("period", c.period);
    w.member("realtimeRuntime", c.realtime_runtime);
    w.member("realtimePeriod", c.realtime_period);
    w.unless_empty("cpus", c.cpus);
    w.unless_empty("mems", c.mems);
    w.member("idle", c.idle);
  });
}

static void write(json::Writer& w, const BlockIoResources& b) {
  w.object([&] {
    w.member("weight", b.weight);
    w.member("leafWeight", b.leaf_weight);
    if (!b.weight_device.empty()) {
      w.array("weightDevice", [&] {
        for (const auto& d : b.weight_device) {
          w.object([&] {
            w.member("major", d.major);
            w.member("minor", d.minor);
            w.member("weight", d.weight);
            w.member("leafWeight", d.leaf_weight);
          });
        }
      });
    }
    write_throttles(w, "throttleReadBpsDevice", b.read_bps);
    write_throttles(w, "throttleWriteBpsDevice", b.write_bps);
    write_throttles(w, "throttleReadIOPSDevice", b.read_iops);
    write_throttles(w, "throttleWriteIOPSDevice", b.write_iops);
  });
}

static void write(json::Writer& w, const NetworkResources& n) {
  w.object([&] {
    w.member("classID", n.class_id);
    if (n.priorities.empty()) return;
    w.array("priorities", [&] {
      for (const auto& p : n.priorities) {
        w.object([&] {
          w.member("name", p.name);
          w.member("priority", p.priority);
        });
      }
    });
  });
}

void write(json::Writer& w, const Resources& r) {
  w.object([&] {
    if (!r.devices.empty()) {
      w.array("devices", [&] {
        for (const auto& d : r.devices) {
          w.object([&] {
            w.member("allow", d.allow);
            if (d.type != 'a') w.member("type", std::string(1, d.type));
            w.member("major", d.major);
            w.member("minor", d.minor);
            w.unless_empty("access", d.access);
          });
        }
      });
    }
    // An empty object asks for something: for "network": {} Debian's crun looks for a cgroup of net_cls.
    if (r.memory != MemoryResources{}) w.key("memory"), write(w, r.memory);
    if (r.cpu != CpuResources{}) w.key("cpu"), write(w, r.cpu);
    if (r.block_io != BlockIoResources{}) w.key("blockIO"), write(w, r.block_io);
    if (r.pids_limit) w.object("pids", [&] { w.member("limit", r.pids_limit); });
    if (!r.hugepage_limits.empty()) {
      w.array("hugepageLimits", [&] {
        for (const auto& h : r.hugepage_limits) {
          w.object([&] {
            w.member("pageSize", h.page_size);
            w.member("limit", h.limit);
          });
        }
      });
    }
    if (r.network != NetworkResources{}) w.key("network"), write(w, r.network);
    if (!r.rdma.empty()) {
      w.object("rdma", [&] {
        for (const auto& [device, limit] : r.rdma) {
          w.object(device, [&] {
            w.member("hcaHandles", limit.hca_handles);
            w.member("hcaObjects", limit.hca_objects);
          });
        }
      });
    }
    w.unless_empty("unified", r.unified);
  });
}

}  // namespace rocker::spec
