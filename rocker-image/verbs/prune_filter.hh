// `--filter` of image prune, volume prune and system prune.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spec/config.hh"

namespace rocker::verbs {

// docker's: label=KEY[=VALUE], label!=KEY[=VALUE], and until=MOMENT for what has an age. All must hold.
class PruneFilter {
 public:
  // Throws Error for another key, with `verb` in front.
  PruneFilter(const std::vector<std::string>& texts, std::string_view verb, bool knows_until = true);

  bool is_empty() const { return labels_.empty() && before_ns_ == INT64_MAX; }
  // Nanoseconds since the epoch.
  bool match(const spec::StringMap& labels, std::int64_t created_ns = 0) const;

 private:
  std::vector<std::pair<bool, std::string>> labels_;  // wanted or not
  std::int64_t before_ns_ = INT64_MAX;
};

}  // namespace rocker::verbs
