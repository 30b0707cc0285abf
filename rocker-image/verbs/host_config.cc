// HostConfig of inspect.
#include "rocker-image/verbs/documents.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

namespace {

using Words = std::vector<std::string>;

// Go's nil for a list that nobody has given.
void write_list(json::Writer& w, std::string_view member, const Words& words) {
  if (!words.empty()) return w.member(member, words);
  w.key(member);
  w.null();
}

void write_device(json::Writer& w, std::string_view text) {
  auto parts = split(text, ':');
  const bool access_only = parts.size() == 2 && !parts[1].starts_with('/');
  w.object([&] {
    w.member("PathOnHost", parts[0]);
    w.member("PathInContainer", parts.size() > 1 && !access_only ? parts[1] : parts[0]);
    w.member("CgroupPermissions", access_only ? parts[1] : parts.size() > 2 ? parts[2] : "rwm");
  });
}

void write_limits(json::Writer& w, const spec::Config& c) {
  const spec::Resources none;
  const auto& r = c.linux_.resources ? *c.linux_.resources : none;
  w.member("Memory", r.memory.limit.value_or(0));
  w.member("MemoryReservation", r.memory.reservation.value_or(0));
  w.member("MemorySwap", r.memory.swap.value_or(0));
  w.key("MemorySwappiness");
  if (r.memory.swappiness) {
    w.value(*r.memory.swappiness);
  } else {
    w.null();
  }
  w.member("OomKillDisable", r.memory.disable_oom_killer.value_or(false));
  w.member("CpuShares", r.cpu.shares.value_or(0));
  w.member("CpuPeriod", r.cpu.period.value_or(0));
  w.member("CpuQuota", r.cpu.quota.value_or(0));
  w.member("NanoCpus", r.cpu.quota && r.cpu.period && *r.cpu.quota > 0
                           ? *r.cpu.quota * 1'000'000'000 / static_cast<std::int64_t>(*r.cpu.period)
                           : 0);
  w.member("CpusetCpus", r.cpu.cpus);
  w.member("CpusetMems", r.cpu.mems);
  w.member("PidsLimit", r.pids_limit.value_or(0));
  w.member("BlkioWeight", r.block_io.weight.value_or(0));
  w.array("Ulimits", [&] {
    if (!c.process) return;
    for (const auto& limit : c.process->rlimits) {
      w.object([&] {
        std::string name;  // "nofile" for RLIMIT_NOFILE
        for (const char letter : std::string_view(limit.type).substr(std::string_view("RLIMIT_").size()))
          name += static_cast<char>(letter | 0x20);
        w.member("Name", name);
        w.member("Hard", limit.hard);
        w.member("Soft", limit.soft);
      });
    }
  });
}

void write_namespaces(json::Writer& w, const Facts& f) {
  const auto& g = f.given;
  // docker: a PID or UTS namespace of its own is "".
  const auto own = [](const std::string& mode) { return mode == "private" ? std::string() : mode; };
  w.member("NetworkMode", f.network);
  w.member("PidMode", own(g.pid));
  w.member("IpcMode", g.ipc);
  w.member("UTSMode", own(g.uts));
  w.member("CgroupnsMode", g.cgroupns);
  w.member("UsernsMode", f.userns);
}

// podman's member: "CONTAINER:HOST:SIZE".
void write_id_mappings(json::Writer& w, const spec::Config& c) {
  if (c.linux_.uid_mappings.empty()) return;
  const auto lines = [](const std::vector<spec::IdMapping>& maps) {
    Words out;
    for (const auto& map : maps) out.push_back(cat(map.container_id, ":", map.host_id, ":", map.size));
    return out;
  };
  w.object("IDMappings", [&] {
    w.member("UidMap", lines(c.linux_.uid_mappings));
    w.member("GidMap", lines(c.linux_.gid_mappings));
  });
}

}  // namespace

void write_host_config(json::Writer& w, const Facts& f, const spec::Config& c) {
  const auto& g = f.given;
  w.object("HostConfig", [&] {
    write_list(w, "Binds", g.binds);
    w.member("ContainerIDFile", g.cidfile);
    w.object("LogConfig", [&] {
      w.member("Type", f.log_driver);
      w.object("Config", [&] {
        if (f.log_max_size) w.member("max-size", cat(*f.log_max_size));
      });
    });
    write_namespaces(w, f);
    w.object("PortBindings", [] {});
    w.member("PublishAllPorts", false);
    w.object("RestartPolicy", [&] {
      const auto colon = f.restart.find(':');
      long long most = 0;
      if (colon != std::string::npos) parse_number(std::string_view(f.restart).substr(colon + 1), most);
      w.member("Name", f.restart.substr(0, colon));
      w.member("MaximumRetryCount", most);
    });
    w.member("AutoRemove", f.remove);
    w.member("VolumeDriver", "");
    write_list(w, "VolumesFrom", {});
    write_list(w, "CapAdd", g.cap_add);
    write_list(w, "CapDrop", g.cap_drop);
    w.member("Dns", g.dns);
    w.member("DnsOptions", g.dns_options);
    w.member("DnsSearch", g.dns_search);
    write_list(w, "ExtraHosts", g.add_hosts);
    write_list(w, "GroupAdd", g.groups);
    write_list(w, "Links", {});
    w.member("OomScoreAdj", c.process ? c.process->oom_score_adj.value_or(0) : 0);
    w.member("Privileged", g.privileged);
    w.member("ReadonlyRootfs", c.root.readonly);
    write_list(w, "SecurityOpt", g.security_options);
    w.member("ShmSize", g.shm_size);
    w.member("Sysctls", g.sysctl);
    w.member("Tmpfs", g.tmpfs);
    w.member("Init", g.init);
    w.array("Devices", [&] {
      for (const auto& text : g.devices) write_device(w, text);
    });
    w.member("CgroupParent", g.cgroup_parent);
    write_limits(w, c);
    write_list(w, "MaskedPaths", c.linux_.masked_paths);
    write_list(w, "ReadonlyPaths", c.linux_.readonly_paths);
    write_id_mappings(w, c);
    w.member("Runtime", "rocker-runc");
  });
}

}  // namespace rocker::verbs
