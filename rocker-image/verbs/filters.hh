// `--filter KEY=VALUE` of ps, start and prune.
#pragma once

#include <regex.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/containers/process.hh"

namespace rocker::verbs {

// docker's: the values of one key are alternatives, the keys must all hold. name (an extended
// regular expression), id (a
// beginning), status, exited, ancestor, label (KEY or KEY=VALUE) and label!, until, network, volume (a name,
// a folder of the host's or its place in the container), since and before (a container), health, and podman's
// restart-policy and should-start-on-boot.
// This is what --help says of them, and what the check knows.
inline constexpr std::string_view filter_help =
    "only those: name, id, status, exited, ancestor, label, label!, until, network, volume, since, before, "
    "health, "
    "restart-policy, should-start-on-boot";

class Filters {
 public:
  // Throws Error for an unknown key or status, for what is no regular expression, and for a container of
  // since or before that there is not.
  Filters(const std::vector<std::string>& texts, std::string_view verb, const containers::Registry& registry);
  bool match(const containers::Facts& facts, const containers::Live& live) const;
  bool has(std::string_view key) const { return values_.contains(std::string(key)); }

 private:
  // regcomp(3), which is in the C library already.
  struct Pattern {
    Pattern(const std::string& text, std::string_view verb);
    ~Pattern() { ::regfree(&compiled); }
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;
    regex_t compiled{};
  };

  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::shared_ptr<const Pattern>> names_;
  std::int64_t since_ns_ = INT64_MIN, before_ns_ = INT64_MAX;  // when the containers of these were made
};

// "10m" ago, a moment of RFC 3339, a date, or seconds since the epoch: nanoseconds since the epoch.
std::int64_t parse_moment(std::string_view text, std::string_view option);

}  // namespace rocker::verbs
