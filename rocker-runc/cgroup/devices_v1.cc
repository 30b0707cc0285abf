#include "rocker-runc/cgroup/devices_v1.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>
#include <string_view>

#include "rocker-runc/cgroup/common.hh"
#include "rocker-runc/cgroup/devices.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// One line a write, into a file that is opened once.
void write_lines(const Group& group, const char* file, const std::vector<std::string>& lines) {
  const UniqueFd out(::openat(group.fd(), file, O_WRONLY | O_CLOEXEC));
  if (!out) throw system_error(cat("open ", group.path(), "/", file));
  for (const auto& line : lines) {
    if (::write(out.get(), line.data(), line.size()) < 0) throw group.write_error(file, line, errno);
  }
}

void write_list(const Group& group, const DeviceList& list) {
  group.write(list.allow_by_default ? "devices.allow" : "devices.deny", "a");
  write_lines(group, list.allow_by_default ? "devices.deny" : "devices.allow", list.exceptions);
}

// "c 1:3" -> "rwm"
using Exceptions = std::map<std::string, std::string, std::less<>>;

Exceptions exceptions_of(const std::vector<std::string>& lines) {
  Exceptions found;
  for (const auto& line : lines) {
    const auto space = line.rfind(' ');
    if (space != line.npos) found.emplace(line.substr(0, space), line.substr(space + 1));
  }
  return found;
}

// The lines for what `a` has and `b` has not, bit by bit.
std::vector<std::string> difference(const Exceptions& a, const Exceptions& b) {
  std::vector<std::string> lines;
  for (const auto& [device, access] : a) {
    const auto other = b.find(device);
    std::string more;
    for (const char bit : access) {
      if (other == b.end() || other->second.find(bit) == std::string::npos) more += bit;
    }
    if (!more.empty()) lines.push_back(cat(device, " ", more));
  }
  return lines;
}

// First what is new, then without what is no more: nothing that is allowed before and after is refused in
// between.
void change_list(const Group& group, const DeviceList& list) {
  const std::string before = group.read("devices.list");
  std::vector<std::string> lines;
  for (const auto line : split(before, '\n')) lines.emplace_back(line);
  // From "all but" or to it there is no way in small steps.
  if (list.allow_by_default || before.starts_with("a ")) return write_list(group, list);
  const Exceptions old = exceptions_of(lines), wanted = exceptions_of(list.exceptions);
  try {
    write_lines(group, "devices.allow", difference(wanted, old));
  } catch (const Error&) {
    for (const auto& line : difference(wanted, old)) group.try_write("devices.deny", line);
    throw;
  }
  write_lines(group, "devices.deny", difference(old, wanted));
}

}  // namespace

void set_devices_v1(const Group* group, const Group* unified, const DevicesV1& how,
                    const std::vector<spec::DeviceRule>& configured) {
  const auto rules = device_rules(configured);
  const DeviceList list = device_list(rules);
  try {
    if (group != nullptr && how.update) {
      change_list(*group, list);
    } else if (group != nullptr) {
      write_list(*group, list);
    }
    if (group != nullptr && list.exact) {
      // A program for the rules before would go on deciding.
      if (how.update && unified != nullptr) detach_device_program(unified->fd());
      return;
    }
    // What the v1 controller can't say, a program on the unified hierarchy can.
    if (unified != nullptr) {
      attach_device_program(unified->fd(), rules, !how.made);
      return;
    }
  } catch (const Error& error) {
    if (how.rootless && is_permission_error(error.errno_value())) return;
    throw;
  }
  if (how.rootless) return;
  if (group == nullptr) {
    throw Error(
        "the cgroup controller devices is not mounted, and without it every device is open to the container")
        .hint("mount it at /sys/fs/cgroup/devices (cgroups(7))");
  }
  throw Error("/linux/resources/devices: an exception from an exception can't be expressed with cgroup v1")
      .hint("name the single devices that are allowed, instead of a whole major number without some");
}

}  // namespace rocker::cgroup
