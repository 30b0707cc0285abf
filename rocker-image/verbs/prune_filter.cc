#include "rocker-image/verbs/prune_filter.hh"

#include <algorithm>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/labels.hh"
#include "rocker-image/verbs/filters.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

PruneFilter::PruneFilter(const std::vector<std::string>& texts, std::string_view verb, bool knows_until) {
  for (const auto& text : texts) {
    const auto [key, value] = bundle::parse_pair(text, cat(verb, ": --filter"));
    if (key == "label" || key == "label!") {
      labels_.emplace_back(key == "label", value);
    } else if (key == "until" && knows_until) {
      before_ns_ = std::min(before_ns_, parse_moment(value, cat(verb, ": --filter until")));
    } else {
      throw Error(cat(verb, ": --filter: there is no filter \"", printable(key), "\""))
          .hint(cat("there is label, label!", knows_until ? ", until" : ""));
    }
  }
}

bool PruneFilter::match(const spec::StringMap& labels, std::int64_t created_ns) const {
  return created_ns < before_ns_ && std::all_of(labels_.begin(), labels_.end(), [&](const auto& wanted) {
           return has_label(labels, wanted.second) == wanted.first;
         });
}

}  // namespace rocker::verbs
