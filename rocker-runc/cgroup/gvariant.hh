// Values in GVariant's text format, as org.systemd.property.* annotations have them ("uint64 5", "['a',
// 'b']", "true"), and as D-Bus takes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rocker::cgroup {

struct Variant {
  std::string signature;               // D-Bus: "s", "t", "as", "a(ss)" ...
  std::string text = {};               // s
  std::uint64_t number = 0;            // b, y, n, q, i, u, x, t: the bits, sign-extended
  double real = 0;                     // d
  std::vector<Variant> elements = {};  // of an array or a tuple

  static Variant of(bool value) { return {.signature = "b", .number = value}; }
  static Variant of(std::uint64_t value) { return {.signature = "t", .number = value}; }
  static Variant of(std::string value) { return {.signature = "s", .text = std::move(value)}; }
  static Variant strings(const std::vector<std::string>& values);
  static Variant bytes(const std::vector<std::uint8_t>& values);
};

// Throws Error that says what is wrong, and where.
Variant parse_variant(std::string_view text);

}  // namespace rocker::cgroup
