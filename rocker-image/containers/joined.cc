#include "rocker-image/containers/joined.hh"

#include <fcntl.h>

#include "rocker-image/containers/process.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

Running running_container(const Registry& registry, std::string_view name) {
  Running other{registry.load(registry.resolve(name))};
  other.pid = look(registry, other.facts).pid;
  if (other.pid == 0)
    throw Error(cat("container ", other.facts.name, " is not running"))
        .hint(cat("rocker start ", other.facts.name));
  return other;
}

spec::StringMap joined_containers(const Registry& registry, const bundle::Options& options) {
  spec::StringMap joined;
  const auto note = [&](const char* type, std::string_view mode) {
    constexpr std::string_view prefix = "container:";
    if (mode.starts_with(prefix)) joined[type] = registry.resolve(mode.substr(prefix.size()));
  };
  note("user", options.userns);
  note("pid", options.pid);
  note("network", options.network);
  note("ipc", options.ipc);
  note("uts", options.uts);
  note("cgroup", options.cgroupns);
  return joined;
}

void rejoin(const Registry& registry, const Facts& facts) {
  if (facts.joined.empty()) return;
  const std::string dir = registry.directory(facts.id);
  spec::Config config = spec::load_config(dir);
  bool changed = false;
  for (auto& ns : config.linux_.namespaces) {
    const auto other = facts.joined.find(std::string(name(ns.type)));
    if (other == facts.joined.end()) continue;
    const pid_t pid = running_container(registry, other->second).pid;
    std::string path = cat("/proc/", pid, ns.path.substr(ns.path.find("/ns/")));
    if (path == ns.path) continue;
    ns.path = std::move(path);
    changed = true;
  }
  if (changed) replace_file(AT_FDCWD, cat(dir, "/config.json"), spec::write_config(config), 0644);
}

}  // namespace rocker::containers
