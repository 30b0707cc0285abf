#include "rocker-runc/cgroup/systemd_properties.hh"

#include <algorithm>
#include <limits>

#include "rocker-runc/cgroup/devices.hh"
#include "rocker-runc/cgroup/resources.hh"
#include "rocker-runc/cgroup/stats.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

constexpr std::uint64_t infinity = std::numeric_limits<std::uint64_t>::max();

std::uint64_t limit_value(std::int64_t value) {
  return value < 0 ? infinity : static_cast<std::uint64_t>(value);
}

// "0-2" as systemd takes sets of CPUs and nodes: a bit each, the lowest in the first byte.
Variant bit_mask(std::string_view member, const std::string& list) {
  const auto numbers = parse_number_list(list);
  if (numbers.empty())
    throw Error(cat("/linux/resources/", member, ": \"", printable(list), "\" is no list like 0-3,7"));
  std::vector<std::uint8_t> mask;
  for (const auto number : numbers) {
    if (mask.size() <= number / 8u) mask.resize(number / 8u + 1);
    mask[number / 8u] |= static_cast<std::uint8_t>(1u << (number % 8u));
  }
  return Variant::bytes(mask);
}

void add_cpu_quota(std::vector<Property>& out, std::int64_t quota, std::uint64_t period,
                   int systemd_version) {
  if (period != 0 && systemd_version >= 242) out.emplace_back("CPUQuotaPeriodUSec", Variant::of(period));
  if (quota == 0 && period == 0) return;
  std::uint64_t per_second = infinity;
  if (quota > 0) {
    if (period == 0) period = 100000;
    // systemd keeps whole percents: rounded up, or a group below could not have what was asked for. The exact
    // value is written to the file afterwards.
    per_second = (static_cast<std::uint64_t>(quota) * 1000000 / period + 9999) / 10000 * 10000;
  }
  out.emplace_back("CPUQuotaPerSecUSec", Variant::of(per_second));
}

// DeviceAllow= knows "/dev/char/1:3", "char-136" (all of a major number) and "char-*". What it can't say is
// left to our own program (v2) or list (v1) alone.
void add_devices(std::vector<Property>& out, const std::vector<spec::DeviceRule>& configured) {
  const DeviceList list = device_list(device_rules(configured));
  Variant allow{.signature = "a(ss)"};
  if (list.allow_by_default) {
    if (!list.exceptions.empty()) return;
    out.emplace_back("DevicePolicy", Variant::of(std::string("auto")));
    out.emplace_back("DeviceAllow", allow);
    return;
  }
  if (!list.exact) return;
  for (const auto& line : list.exceptions) {
    const auto words = split(line, ' ');
    const auto colon = words[1].find(':');
    const auto major = words[1].substr(0, colon), minor = words[1].substr(colon + 1);
    const std::string_view kind = words[0] == "c" ? "char" : "block";
    std::string device;
    if (major == "*" && minor == "*") {
      device = cat(kind, "-*");
    } else if (major == "*") {
      return;
    } else if (minor == "*") {
      device = cat(kind, "-", major);
    } else {
      device = cat("/dev/", kind, "/", words[1]);
    }
    allow.elements.push_back(
        {.signature = "(ss)", .elements = {Variant::of(device), Variant::of(std::string(words[2]))}});
  }
  out.emplace_back("DevicePolicy", Variant::of(std::string("strict")));
  out.emplace_back("DeviceAllow", std::move(allow));
}

std::uint64_t unified_number(std::string_view file, std::string_view value) {
  if (const auto number = to_number(value)) return *number;
  throw Error(cat("/linux/resources/unified: ", file, ": expected a number or max, found \"",
                  printable(value), "\""));
}

void add_unified(std::vector<Property>& out, const spec::Resources& r, bool update, int systemd_version) {
  static constexpr std::pair<std::string_view, const char*> numbers[] = {
      {"cpu.weight", "CPUWeight"},   {"memory.min", "MemoryMin"}, {"memory.low", "MemoryLow"},
      {"memory.high", "MemoryHigh"}, {"memory.max", "MemoryMax"}, {"memory.swap.max", "MemorySwapMax"},
      {"pids.max", "TasksMax"},
  };
  const auto idle_file = r.unified.find("cpu.idle");
  const bool idle = systemd_version >= 252 && idle_file != r.unified.end() && trim(idle_file->second) == "1";
  for (const auto& [file, value] : r.unified) {
    if (file == "cpu.max") {
      const auto words = split(trim(value), ' ');
      const auto quota = unified_number(file, words[0]);
      const auto period = words.size() > 1 ? unified_number(file, words[1]) : 0;
      add_cpu_quota(out, quota == infinity ? -1 : static_cast<std::int64_t>(quota), period, systemd_version);
    } else if (file == "cpuset.cpus" && systemd_version >= 244) {
      out.emplace_back("AllowedCPUs", bit_mask("unified: cpuset.cpus", value));
    } else if (file == "cpuset.mems" && systemd_version >= 244) {
      out.emplace_back("AllowedMemoryNodes", bit_mask("unified: cpuset.mems", value));
    } else if (file == "cpu.idle") {
      if (idle) out.emplace_back("CPUWeight", Variant::of(std::uint64_t{0}));
    } else if (file == "cpu.weight" && idle) {
      continue;
    } else if (file == "memory.oom.group" && !update) {
      // systemd's own idea of it, which it would write over ours: known before the start only.
      const auto group = unified_number(file, value);
      if (group <= 1)
        out.emplace_back("OOMPolicy", Variant::of(std::string(group == 1 ? "kill" : "continue")));
    } else {
      // A file that systemd has no property for is written by us alone.
      for (const auto& [name, property] : numbers) {
        if (file == name) out.emplace_back(property, Variant::of(unified_number(file, value)));
      }
    }
  }
}

bool is_property_name(std::string_view name) {
  return name.size() >= 3 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

}  // namespace

ScopeName scope_name(const std::string& cgroups_path, const std::string& id, bool user) {
  std::string slice, prefix = "rocker", name = id;
  if (!cgroups_path.empty()) {
    const auto parts = split(cgroups_path, ':');
    if (parts.size() != 3 || parts[2].empty()) {
      throw Error(
          cat("/linux/cgroupsPath: with --systemd-cgroup expected the form \"slice:prefix:name\", found \"",
              printable(cgroups_path), "\""))
          .hint(
              "leave out --systemd-cgroup for a path, or write something like \"system.slice:rocker:name\"");
    }
    slice = parts[0];
    prefix = parts[1];
    name = parts[2];
  }
  if (slice.empty()) slice = user ? "user.slice" : "system.slice";
  if (!slice.ends_with(".slice") || slice.size() < 7 || slice.find('/') != slice.npos) {
    throw Error(cat("/linux/cgroupsPath: \"", printable(slice), "\" is not the name of a slice"))
        .hint("expected something like \"system.slice\" or \"machine-mine.slice\"");
  }
  // unit names: systemd.unit(5)
  for (const std::string* part : {&prefix, &name}) {
    if (part->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@+") !=
        part->npos) {
      throw Error(cat("/linux/cgroupsPath: \"", printable(*part), "\" can't be part of a unit's name"));
    }
  }
  if (name.ends_with(".slice")) {
    throw Error(
        cat("/linux/cgroupsPath: \"", printable(name), "\" names a slice, and slices hold no processes"))
        .hint("a container is a scope: \"slice:prefix:name\" with a name that does not end in .slice");
  }
  std::string unit = cat(prefix, prefix.empty() ? "" : "-", name, ".scope");
  if (unit.size() > 255) {
    throw Error(
        cat("the unit name \"", printable(unit, 64), "\" is longer than the 255 bytes that systemd takes"));
  }
  std::replace(unit.begin(), unit.end(), '+', '_');
  return {slice, unit};
}

std::string slice_path(const std::string& slice) {
  std::string path;
  const std::string_view name = std::string_view(slice).substr(0, slice.size() - 6);
  if (name == "-") return path;
  for (std::size_t end = 0; end < name.size(); ++end) {
    end = std::min(name.find('-', end), name.size());
    // "a--b.slice" and "-a.slice" are none.
    if (end == 0 || name[end - 1] == '-' || end + 1 == name.size()) {
      throw Error(cat("/linux/cgroupsPath: \"", printable(slice), "\" is not the name of a slice"));
    }
    path += cat("/", name.substr(0, end), ".slice");
  }
  return path;
}

std::vector<Property> resource_properties(const spec::Resources& r, bool v2, bool update,
                                          int systemd_version) {
  std::vector<Property> out;
  if (!update || !r.devices.empty()) {
    // What is sent is added to the list that is there; an empty one empties it, for what can't be said to
    // systemd too.
    if (update) {
      out.emplace_back("DevicePolicy", Variant::of(std::string("auto")));
      out.emplace_back("DeviceAllow", Variant{.signature = "a(ss)"});
    }
    add_devices(out, r.devices);
  }
  const auto& m = r.memory;
  const std::int64_t limit = m.limit.value_or(0);
  if (limit != 0) out.emplace_back(v2 ? "MemoryMax" : "MemoryLimit", Variant::of(limit_value(limit)));
  const auto& c = r.cpu;
  const std::uint64_t shares = c.shares.value_or(0);
  if (v2) {
    if (m.reservation.value_or(0) != 0)
      out.emplace_back("MemoryLow", Variant::of(limit_value(*m.reservation)));
    // An update of the sum alone is worked out from the file, and so is its error.
    if (m.swap.value_or(0) <= 0 || limit > 0) {
      if (const std::string swap = swap_of_memsw(limit, m.swap.value_or(0)); !swap.empty()) {
        out.emplace_back("MemorySwapMax", Variant::of(to_number(swap).value_or(infinity)));
      }
    }
    if (c.idle.value_or(0) == 1 && systemd_version >= 252) {
      out.emplace_back("CPUWeight", Variant::of(std::uint64_t{0}));
    } else if (shares != 0) {
      out.emplace_back("CPUWeight", Variant::of(weight_of_shares(shares)));
    }
  } else {
    if (shares != 0) out.emplace_back("CPUShares", Variant::of(shares));
    if (r.block_io.weight.value_or(0) != 0) {
      out.emplace_back("BlockIOWeight", Variant::of(std::uint64_t{*r.block_io.weight}));
    }
  }
  add_cpu_quota(out, c.quota.value_or(0), c.period.value_or(0), systemd_version);
  if (r.pids_limit) {
    out.emplace_back("TasksMax",
                     Variant::of(*r.pids_limit == 0 ? std::uint64_t{1} : limit_value(*r.pids_limit)));
  }
  if (v2 && systemd_version >= 244) {
    if (!c.cpus.empty()) out.emplace_back("AllowedCPUs", bit_mask("cpu.cpus", c.cpus));
    if (!c.mems.empty()) out.emplace_back("AllowedMemoryNodes", bit_mask("cpu.mems", c.mems));
  }
  if (v2) add_unified(out, r, update, systemd_version);
  return out;
}

std::vector<Property> annotated_properties(const spec::StringMap& annotations) {
  static constexpr std::string_view prefix = "org.systemd.property.";
  std::vector<Property> out;
  for (auto entry = annotations.lower_bound(std::string(prefix)); entry != annotations.end(); ++entry) {
    if (!entry->first.starts_with(prefix)) break;
    std::string name = entry->first.substr(prefix.size());
    if (!is_property_name(name)) {
      throw Error(cat("annotation ", printable(entry->first), ": \"", printable(name),
                      "\" is not the name of a property"))
          .hint("expected three letters or more");
    }
    Variant value = with_context([&] { return cat("annotation ", entry->first); },
                                 [&] { return parse_variant(entry->second); });
    // Unit files have seconds where the bus has microseconds.
    if (name.ends_with("Sec") && !name.ends_with("USec") && value.signature.size() == 1 &&
        value.signature.find_first_of("nqiuxtd") != std::string::npos) {
      name.replace(name.size() - 3, 3, "USec");
      value = Variant::of(value.signature == "d" ? static_cast<std::uint64_t>(value.real * 1e6)
                                                 : value.number * std::uint64_t{1000000});
    }
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace rocker::cgroup
