// `--filter KEY=VALUE` of ps, start and prune.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/containers/process.hh"

namespace rocker::verbs {

// docker's: the values of one key are alternatives, the keys must all hold. name (a part of it), id (a
// beginning), status, exited, ancestor, label (KEY or KEY=VALUE), until, network,
// health, and podman's restart-policy and should-start-on-boot.
class Filters {
 public:
  // Throws Error for an unknown key.
  Filters(const std::vector<std::string>& texts, std::string_view verb);
  bool match(const containers::Facts& facts, const containers::Live& live) const;
  bool has(std::string_view key) const { return values_.contains(std::string(key)); }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// "10m" ago, a moment of RFC 3339, a date, or seconds since the epoch: nanoseconds since the epoch.
std::int64_t parse_moment(std::string_view text, std::string_view option);

}  // namespace rocker::verbs
