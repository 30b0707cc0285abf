#include "rocker-image/bundle/devices.hh"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <memory>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

bool add_node(const std::string& source, const std::string& target, spec::Linux& out) {
  struct stat st {};
  if (::stat(source.c_str(), &st) < 0) throw system_error(cat("--device: ", printable(source)));
  if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) return false;
  spec::Device device;
  device.type = S_ISBLK(st.st_mode) ? 'b' : 'c';
  device.path = target;
  device.major = major(st.st_rdev);
  device.minor = minor(st.st_rdev);
  device.file_mode = st.st_mode & 07777;
  device.uid = st.st_uid;
  device.gid = st.st_gid;
  out.devices.push_back(std::move(device));
  return true;
}

// Every device below a folder, whatever depth; `skip` are names at its top.
void add_below(const std::string& source, const std::string& target,
               const std::vector<std::string_view>& skip, spec::Linux& out) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(source.c_str()), ::closedir);
  if (!dir) throw system_error(cat("--device: ", printable(source)));
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || std::find(skip.begin(), skip.end(), name) != skip.end()) continue;
    const std::string from = cat(source, "/", name), to = cat(target, "/", name);
    if (entry->d_type == DT_DIR) {
      add_below(from, to, {}, out);
    } else if (entry->d_type == DT_CHR || entry->d_type == DT_BLK) {
      add_node(from, to, out);
    }
  }
}

void allow(const spec::Device& device, const std::string& access, spec::Resources& resources) {
  spec::DeviceRule rule;
  rule.allow = true;
  rule.type = device.type;
  rule.major = device.major;
  rule.minor = device.minor;
  rule.access = access;
  resources.devices.push_back(std::move(rule));
}

}  // namespace

void add_device(std::string_view text, spec::Linux& out) {
  const auto parts = split(text, ':');
  std::string source(parts[0]), target = source, access = "rwm";
  const auto is_access = [](std::string_view word) {
    return !word.empty() && word.find_first_not_of("rwm") == std::string_view::npos;
  };
  if (parts.size() == 2) {
    if (is_access(parts[1])) {
      access = parts[1];
    } else {
      target = parts[1];
    }
  } else if (parts.size() == 3) {
    target = parts[1];
    access = parts[2];
  }
  if (parts.size() > 3 || !source.starts_with('/') || !target.starts_with('/') || !is_access(access)) {
    throw Error(cat("--device: expected PATH[:PATH_IN_CONTAINER[:rwm]], found \"", printable(text), "\""));
  }
  source = absolute_path(source);
  target = absolute_path(target);
  struct stat st {};
  if (::stat(source.c_str(), &st) < 0) throw system_error(cat("--device: ", printable(source)));
  const std::size_t first = out.devices.size();
  if (S_ISDIR(st.st_mode)) {
    add_below(source, target, {}, out);
  } else if (!add_node(source, target, out)) {
    throw Error(cat("--device: ", printable(source), " is not a device"));
  }
  if (!out.resources) out.resources.emplace();
  for (std::size_t i = first; i < out.devices.size(); ++i) allow(out.devices[i], access, *out.resources);
}

void add_all_devices(spec::Linux& out) {
  // What the runtime makes itself, and what only a file system of its own can serve.
  add_below("/dev", "/dev",
            {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "mqueue",
             "fd", "stdin", "stdout", "stderr", ".lxc", ".lxd-mounts"},
            out);
  if (!out.resources) out.resources.emplace();
  spec::DeviceRule all;
  all.allow = true;
  all.access = "rwm";
  out.resources->devices.push_back(std::move(all));
}

}  // namespace rocker::bundle
