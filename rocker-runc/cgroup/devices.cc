#include "rocker-runc/cgroup/devices.hh"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// What runc and crun always allow: making any node (which gives no access), the harmless ones, terminals,
// tun.
constexpr DeviceMatch standard_allowances[] = {
    {true, 'c', std::nullopt, std::nullopt, access_mknod},
    {true, 'b', std::nullopt, std::nullopt, access_mknod},
    {true, 'c', 1, 3, access_all},               // null
    {true, 'c', 1, 5, access_all},               // zero
    {true, 'c', 1, 7, access_all},               // full
    {true, 'c', 1, 8, access_all},               // random
    {true, 'c', 1, 9, access_all},               // urandom
    {true, 'c', 5, 0, access_all},               // tty
    {true, 'c', 5, 1, access_all},               // console
    {true, 'c', 5, 2, access_all},               // ptmx
    {true, 'c', 136, std::nullopt, access_all},  // pts/*
    {true, 'c', 10, 200, access_all},            // net/tun
};

std::uint8_t parse_access(const std::string& text) {
  std::uint8_t access = 0;
  for (const char c : text) access |= c == 'r' ? access_read : c == 'w' ? access_write : access_mknod;
  return access;
}

// A set of devices: of one type, one major number or all, one minor number or all.
using Region = std::tuple<char, std::optional<std::uint32_t>, std::optional<std::uint32_t>>;

bool covers(const std::optional<std::uint32_t>& wide, const std::optional<std::uint32_t>& narrow) {
  return !wide || wide == narrow;
}
bool covers(const Region& wide, const Region& narrow) {
  return std::get<0>(wide) == std::get<0>(narrow) && covers(std::get<1>(wide), std::get<1>(narrow)) &&
         covers(std::get<2>(wide), std::get<2>(narrow));
}

// The access that the rules give to the devices of a region that no narrower rule names.
std::uint8_t access_of(const std::vector<DeviceMatch>& rules, const Region& region) {
  std::uint8_t allowed = 0;
  for (const auto& rule : rules) {
    if (rule.type != 'a' && rule.type != std::get<0>(region)) continue;
    if (!covers(rule.major, std::get<1>(region)) || !covers(rule.minor, std::get<2>(region))) continue;
    allowed = static_cast<std::uint8_t>(rule.allow ? allowed | rule.access : allowed & ~rule.access);
  }
  return allowed;
}

std::string exception_line(const Region& region, std::uint8_t access) {
  std::string line = cat(std::get<0>(region), ' ');
  const auto number = [&](const std::optional<std::uint32_t>& n) { line += n ? std::to_string(*n) : "*"; };
  number(std::get<1>(region));
  line += ':';
  number(std::get<2>(region));
  line += ' ';
  if ((access & access_read) != 0) line += 'r';
  if ((access & access_write) != 0) line += 'w';
  if ((access & access_mknod) != 0) line += 'm';
  return line;
}

}  // namespace

std::vector<DeviceMatch> device_rules(const std::vector<spec::DeviceRule>& configured) {
  std::vector<DeviceMatch> rules{{.allow = false, .type = 'a', .access = access_all}};
  for (const auto& rule : configured) {
    DeviceMatch match{.allow = rule.allow, .type = rule.type, .access = parse_access(rule.access)};
    // A rule about everything that names no access is about every access, as "a" is to the v1 controller.
    if (match.access == 0 && match.type == 'a' && !rule.major && !rule.minor) match.access = access_all;
    if (match.access == 0) continue;
    if (rule.major) match.major = static_cast<std::uint32_t>(*rule.major);
    if (rule.minor) match.minor = static_cast<std::uint32_t>(*rule.minor);
    rules.push_back(match);
  }
  rules.insert(rules.end(), std::begin(standard_allowances), std::end(standard_allowances));
  return rules;
}

std::uint8_t allowed_access(const std::vector<DeviceMatch>& rules, char type, std::uint32_t major,
                            std::uint32_t minor) {
  return access_of(rules, Region{type, major, minor});
}

DeviceList device_list(const std::vector<DeviceMatch>& rules) {
  // Every region that a rule names, and what two of them have in common (8:* and *:1: 8:1).
  std::set<Region> regions;
  for (const char type : {'b', 'c'}) {
    std::set<Region> named{{type, std::nullopt, std::nullopt}};
    for (const auto& rule : rules) {
      if (rule.type == 'a' || rule.type == type) named.emplace(type, rule.major, rule.minor);
    }
    for (const auto& a : named) {
      if (std::get<2>(a)) continue;
      for (const auto& b : named) {
        if (!std::get<1>(b)) regions.emplace(type, std::get<1>(a), std::get<2>(b));
      }
    }
    regions.merge(named);
  }
  std::vector<std::pair<Region, std::uint8_t>> access;
  for (const auto& region : regions) access.emplace_back(region, access_of(rules, region));

  // With "deny" as the default, the kernel allows what any exception allows: exact when no region has less
  // than those around it. With "allow" it denies what any exception denies: exact when none has more.
  const auto exact = [&](bool allow_by_default) {
    for (const auto& [inner, inner_access] : access) {
      for (const auto& [outer, outer_access] : access) {
        if (inner == outer || !covers(outer, inner)) continue;
        const auto extra = allow_by_default ? inner_access & ~outer_access : outer_access & ~inner_access;
        if (extra != 0) return false;
      }
    }
    return true;
  };
  const auto list = [&](bool allow_by_default) {
    DeviceList out{.allow_by_default = allow_by_default};
    for (const auto& [inner, inner_access] : access) {
      const auto excepted =
          static_cast<std::uint8_t>(allow_by_default ? access_all & ~inner_access : inner_access);
      if (excepted == 0) continue;
      const bool said_already = std::any_of(access.begin(), access.end(), [&](const auto& other) {
        return other.first != inner && covers(other.first, inner) && other.second == inner_access;
      });
      if (!said_already) out.exceptions.push_back(exception_line(inner, excepted));
    }
    return out;
  };
  if (access_of(rules, {'b', std::nullopt, std::nullopt}) == access_all &&
      access_of(rules, {'c', std::nullopt, std::nullopt}) == access_all && exact(true)) {
    return list(true);
  }
  DeviceList out = list(false);
  out.exact = exact(false);
  if (!out.exact && exact(true)) return list(true);
  return out;
}

}  // namespace rocker::cgroup
