#include "rocker-runc/cgroup/detect.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

constexpr const char* cgroup_root = "/sys/fs/cgroup";

// A directory that is named after none of these is a named hierarchy, as systemd's and elogind's are.
constexpr std::string_view known_controllers[] = {
    "cpu",     "cpuacct", "cpuset",     "memory",   "devices", "freezer", "blkio", "pids",
    "hugetlb", "net_cls", "perf_event", "net_prio", "rdma",    "misc",    "debug",
};

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

bool is_type(const std::string& path, unsigned long type) {
  struct statfs fs {};
  return ::statfs(path.c_str(), &fs) == 0 && static_cast<unsigned long>(fs.f_type) == type;
}

}  // namespace

bool Mounted::has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::string Mounted::mount_options() const {
  if (v2) return "";
  std::string options;
  for (const auto& controller : controllers) {
    if (!options.empty()) options += ',';
    // A hierarchy without controllers has to say so.
    if (controller.starts_with("name=")) options += "none,";
    options += controller;
  }
  return options;
}

const Mounted* Host::find(std::string_view name) const {
  for (const auto& h : hierarchies) {
    if (h.name == name) return &h;
  }
  return nullptr;
}

const Mounted* Host::controller(std::string_view name) const {
  for (const auto& h : hierarchies) {
    if (h.has(name)) return &h;
  }
  return nullptr;
}

const Mounted* Host::unified() const {
  return !hierarchies.empty() && hierarchies.back().v2 ? &hierarchies.back() : nullptr;
}

Host look_at(const std::string& root) {
  Host found;
  if (is_type(root, CGROUP2_SUPER_MAGIC)) {
    found.mode = Host::Mode::unified;
    found.hierarchies.push_back({.mount_point = root, .v2 = true});
    return found;
  }
  std::vector<std::pair<std::string, std::string>> links;  // name, target
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(root.c_str()));
  if (!dir) {
    throw system_error(cat("open ", root)).hint("mount the cgroup file system there (cgroups(7))");
  }
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    if (entry->d_type == DT_LNK) {
      char target[256];
      const ssize_t length = ::readlinkat(::dirfd(dir.get()), name.c_str(), target, sizeof target);
      if (length <= 0) continue;
      std::string_view last(target, static_cast<std::size_t>(length));
      while (last.ends_with('/')) last.remove_suffix(1);
      links.emplace_back(name, last.substr(last.rfind('/') + 1));
      continue;
    }
    Mounted mounted{.name = name, .mount_point = cat(root, "/", name)};
    if (is_type(mounted.mount_point, CGROUP2_SUPER_MAGIC)) {
      mounted.v2 = true;
    } else if (is_type(mounted.mount_point, CGROUP_SUPER_MAGIC)) {
      for (const auto part : split(name, ',')) {
        const bool known = std::find(std::begin(known_controllers), std::end(known_controllers), part) !=
                           std::end(known_controllers);
        mounted.controllers.push_back(known ? std::string(part) : cat("name=", part));
      }
    } else {
      continue;
    }
    found.hierarchies.push_back(std::move(mounted));
  }
  if (found.hierarchies.empty()) {
    throw Error(cat(root, ": no cgroup hierarchy is mounted there"))
        .hint("mount the cgroup file system there (cgroups(7))");
  }
  std::sort(found.hierarchies.begin(), found.hierarchies.end(), [](const Mounted& a, const Mounted& b) {
    return std::pair(a.v2, std::string_view(a.name)) < std::pair(b.v2, std::string_view(b.name));
  });
  for (auto& h : found.hierarchies) {
    for (const auto& [name, target] : links) {
      if (target == h.name) h.aliases.push_back(name);
    }
    std::sort(h.aliases.begin(), h.aliases.end());
  }
  found.mode = found.unified() != nullptr ? Host::Mode::hybrid : Host::Mode::v1;
  return found;
}

const Host& host() {
  static const Host found = look_at(cgroup_root);
  return found;
}

std::map<std::string, std::string, std::less<>> groups_of(pid_t pid) {
  const std::string file = pid == 0 ? "/proc/self/cgroup" : cat("/proc/", pid, "/cgroup");
  std::map<std::string, std::string, std::less<>> groups;
  // "4:memory:/a/b": number, controllers, path; a path may have colons in it.
  const std::string text = read_file(file, 1 << 20);
  for (const auto line : split(text, '\n')) {
    const auto first = line.find(':');
    const auto second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const auto path = line.substr(second + 1);
    for (const auto controller : split(line.substr(first + 1, second - first - 1), ',')) {
      groups.emplace(controller, path);
    }
  }
  return groups;
}

}  // namespace rocker::cgroup
