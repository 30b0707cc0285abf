#include "rocker-image/containers/given.hh"

#include <algorithm>

#include "rocker-image/bundle/defaults.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

namespace {

using Kind = bundle::VolumeRequest::Kind;

// docker and podman: "net_admin" is CAP_NET_ADMIN.
std::vector<std::string> capability_names(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const auto& text : texts) {
    std::string name;
    for (const char c : text) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 0x20 : c);
    out.push_back(name == "ALL" || name.starts_with("CAP_") ? name : cat("CAP_", name));
  }
  return out;
}

std::string propagation_of(const bundle::VolumeRequest& request) {
  for (const auto& word : request.options) {
    if (word.ends_with("private") || word.ends_with("shared") || word.ends_with("slave")) return word;
  }
  return "rprivate";
}

MountFact mount_fact(const bundle::VolumeRequest& request) {
  MountFact fact;
  fact.destination = request.destination;
  fact.mode = request.mode;
  fact.readonly = request.readonly;
  if (request.kind == Kind::bind) {
    fact.type = "bind";
    fact.source = request.source;
    fact.propagation = propagation_of(request);
  } else if (request.kind == Kind::volume) {
    fact.type = "volume";
    fact.name = request.source;
  } else {
    fact.type = "tmpfs";
  }
  return fact;
}

}  // namespace

Given given_by(const bundle::Options& o, const bundle::Made& made,
               const std::vector<std::string>& anonymous) {
  Given g;
  for (const auto& text : o.tmpfs) {
    const auto colon = text.find(':');
    g.tmpfs[text.substr(0, colon)] = colon == std::string::npos ? "" : text.substr(colon + 1);
  }
  auto next = anonymous.begin();
  for (const auto& request : made.assembled.volumes) {
    MountFact fact = mount_fact(request);
    if (request.kind == Kind::volume && fact.name.empty() && next != anonymous.end()) fact.name = *next++;
    // docker has what --tmpfs asked for among HostConfig's members only.
    if (request.kind != Kind::tmpfs || !g.tmpfs.contains(request.destination))
      g.mounts.push_back(std::move(fact));
  }
  for (const auto& text : o.volumes) {
    const auto colon = text.find(':');
    if (colon == std::string::npos) continue;
    // As docker's client sends it: a path is absolute.
    const bool relative = text[0] == '.' || text[0] == '~';
    g.binds.push_back(relative ? cat(absolute_path(text.substr(0, colon)), text.substr(colon)) : text);
  }
  g.cap_add = capability_names(o.cap_add);
  g.cap_drop = capability_names(o.cap_drop);
  g.security_options = o.security_options;
  g.devices = o.devices;
  g.groups = o.groups;
  g.dns = o.dns;
  g.dns_search = o.dns_search;
  g.dns_options = o.dns_options;
  g.add_hosts = o.add_hosts;
  g.sysctl = o.sysctl;
  g.pid = o.pid;
  g.ipc = o.ipc;
  g.uts = o.uts;
  g.cgroupns = o.cgroupns;
  g.cgroup_parent = o.cgroup_parent.value_or("");
  g.cidfile = o.cidfile;
  g.shm_size = o.shm_size.value_or(bundle::default_shm_size);
  g.privileged = o.privileged;
  g.init = o.init;
  g.attached = !o.detach;
  auto command = bundle::command_of(o, made.image.record.config);
  g.entrypoint = std::move(command.entrypoint);
  g.cmd = std::move(command.cmd);
  g.user = o.user.value_or(made.image.record.config.user);
  return g;
}

void read(const json::Value& v, Given& g) {
  if (const auto mounts = v.find("mounts")) {
    mounts->each_element([&](const json::Value& item) {
      auto& fact = g.mounts.emplace_back();
      item.require("type", fact.type);
      item.member("name", fact.name);
      item.member("source", fact.source);
      item.require("destination", fact.destination);
      item.member("mode", fact.mode);
      item.member("propagation", fact.propagation);
      item.member("readonly", fact.readonly);
    });
  }
  v.member("binds", g.binds);
  v.member("tmpfs", g.tmpfs);
  v.member("cap_add", g.cap_add);
  v.member("cap_drop", g.cap_drop);
  v.member("security_options", g.security_options);
  v.member("devices", g.devices);
  v.member("groups", g.groups);
  v.member("dns", g.dns);
  v.member("dns_search", g.dns_search);
  v.member("dns_options", g.dns_options);
  v.member("add_hosts", g.add_hosts);
  v.member("sysctl", g.sysctl);
  v.member("pid", g.pid);
  v.member("ipc", g.ipc);
  v.member("uts", g.uts);
  v.member("cgroupns", g.cgroupns);
  v.member("cgroup_parent", g.cgroup_parent);
  v.member("cidfile", g.cidfile);
  v.member("shm_size", g.shm_size);
  v.member("privileged", g.privileged);
  v.member("init", g.init);
  v.member("attached", g.attached);
  v.member("entrypoint", g.entrypoint);
  v.member("cmd", g.cmd);
  v.member("user", g.user);
}

void write(json::Writer& w, const Given& g) {
  w.object("given", [&] {
    if (!g.mounts.empty()) {
      w.array("mounts", [&] {
        for (const auto& fact : g.mounts) {
          w.object([&] {
            w.member("type", fact.type);
            w.unless_empty("name", fact.name);
            w.unless_empty("source", fact.source);
            w.member("destination", fact.destination);
            w.unless_empty("mode", fact.mode);
            w.unless_empty("propagation", fact.propagation);
            w.unless_empty("readonly", fact.readonly);
          });
        }
      });
    }
    w.unless_empty("binds", g.binds);
    w.unless_empty("tmpfs", g.tmpfs);
    w.unless_empty("cap_add", g.cap_add);
    w.unless_empty("cap_drop", g.cap_drop);
    w.unless_empty("security_options", g.security_options);
    w.unless_empty("devices", g.devices);
    w.unless_empty("groups", g.groups);
    w.unless_empty("dns", g.dns);
    w.unless_empty("dns_search", g.dns_search);
    w.unless_empty("dns_options", g.dns_options);
    w.unless_empty("add_hosts", g.add_hosts);
    w.unless_empty("sysctl", g.sysctl);
    w.unless_empty("pid", g.pid);
    w.unless_empty("ipc", g.ipc);
    w.unless_empty("uts", g.uts);
    w.unless_empty("cgroupns", g.cgroupns);
    w.unless_empty("cgroup_parent", g.cgroup_parent);
    w.unless_empty("cidfile", g.cidfile);
    w.member("shm_size", g.shm_size);
    w.unless_empty("privileged", g.privileged);
    w.unless_empty("init", g.init);
    w.unless_empty("attached", g.attached);
    w.unless_empty("entrypoint", g.entrypoint);
    w.unless_empty("cmd", g.cmd);
    w.unless_empty("user", g.user);
  });
}

}  // namespace rocker::containers
