#include "rocker-image/verbs/filters.hh"

#include <time.h>

#include <algorithm>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/grammar.hh"
#include "rocker-image/labels.hh"
#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

using containers::Facts;
using containers::Live;
using containers::Status;

// docker's words, and podman's for the same.
static void check_status(const std::string& value, std::string_view verb) {
  constexpr std::string_view known[] = {"created",    "starting",   "running", "paused",
                                        "restarting", "removing",   "exited",  "dead",
                                        "stopped",    "configured", "unknown"};
  if (std::find(std::begin(known), std::end(known), value) != std::end(known)) return;
  throw Error(cat(verb, ": --filter: there is no status \"", printable(value), "\""))
      .hint("there is created, running, paused, restarting, removing, exited, dead");
}

Filters::Pattern::Pattern(const std::string& text, std::string_view verb) {
  const int why = ::regcomp(&compiled, text.c_str(), REG_EXTENDED | REG_NOSUB);
  if (why == 0) return;
  char said[256];
  ::regerror(why, &compiled, said, sizeof said);
  throw Error(cat(verb, ": --filter name=", printable(text), ": is no regular expression: ", said));
}

Filters::Filters(const std::vector<std::string>& texts, std::string_view verb,
                 const containers::Registry& registry) {
  const auto list = filter_help.substr(filter_help.find(':') + 2);
  const auto known = split(list, ',');
  for (const auto& text : texts) {
    const auto [key, value] = bundle::parse_pair(text, cat(verb, ": --filter"));
    if (std::none_of(known.begin(), known.end(), [&](auto word) { return trim(word) == key; })) {
      throw Error(cat(verb, ": --filter: there is no filter \"", printable(key), "\""))
          .hint(cat("there is ", list));
    }
    if (key == "status") check_status(value, verb);
    if (key == "name") names_.push_back(std::make_shared<Pattern>(value, verb));
    if (key == "since" || key == "before") {
      const auto made = registry.load(registry.resolve(value)).created_ns;
      if (key == "since") since_ns_ = std::max(since_ns_, made);
      if (key == "before") before_ns_ = std::min(before_ns_, made);
    }
    values_[key].push_back(value);
  }
}

// podman's name for what the unit rocker-restart.service starts.
static bool starts_on_boot(const Facts& facts) {
  return facts.restart == "always" || (facts.restart == "unless-stopped" && !facts.stopped_by_user);
}

bool Filters::match(const Facts& facts, const Live& live) const {
  for (const auto& [key, values] : values_) {
    const auto any = [&, &list = values](auto fn) { return std::any_of(list.begin(), list.end(), fn); };
    bool good = true;
    if (key == "name") {
      // docker has names with a slash in front and takes both.
      const std::string slashed = cat("/", facts.name);
      good = std::any_of(names_.begin(), names_.end(), [&](const auto& pattern) {
        return ::regexec(&pattern->compiled, facts.name.c_str(), 0, nullptr, 0) == 0 ||
               ::regexec(&pattern->compiled, slashed.c_str(), 0, nullptr, 0) == 0;
      });
    } else if (key == "id") {
      good = any([&](const std::string& v) { return facts.id.starts_with(v); });
    } else if (key == "status") {
      good = any([&](const std::string& v) { return v == name(live.status); });
    } else if (key == "exited") {
      good = live.status == Status::exited &&
             any([&](const std::string& v) { return facts.exit_code && v == cat(*facts.exit_code); });
    } else if (key == "ancestor") {
      good = any([&](const std::string& v) {
        return facts.image == v || facts.image == cat(v, ":latest") ||
               (v.size() >= 4 && facts.image_id.starts_with(v));
      });
    } else if (key == "label") {
      good = std::all_of(values.begin(), values.end(),
                         [&](const std::string& v) { return has_label(facts.labels, v); });
    } else if (key == "label!") {
      good = !any([&](const std::string& v) { return has_label(facts.labels, v); });
    } else if (key == "volume") {
      good = any([&](const std::string& v) {
        return std::any_of(facts.given.mounts.begin(), facts.given.mounts.end(),
                           [&](const auto& m) { return v == m.destination || v == m.name || v == m.source; });
      });
    } else if (key == "since" || key == "before") {
      good = facts.created_ns > since_ns_ && facts.created_ns < before_ns_;
    } else if (key == "until") {
      good = facts.created_ns < parse_moment(values.back(), "--filter until");
    } else if (key == "network") {
      good = any([&](const std::string& v) { return facts.network == v; });
    } else if (key == "health") {
      good = any([&](const std::string& v) { return v == (facts.health.empty() ? "none" : facts.health); });
    } else if (key == "restart-policy") {
      // The number behind "on-failure:" is no part of the policy's name.
      good = any([&](const std::string& v) { return v == facts.restart.substr(0, facts.restart.find(':')); });
    } else if (key == "should-start-on-boot") {
      good = any([&](const std::string& v) {
        return grammar::parse_flag(v, "--filter should-start-on-boot") == starts_on_boot(facts);
      });
    }
    if (!good) return false;
  }
  return true;
}

std::int64_t parse_moment(std::string_view text, std::string_view option) {
  constexpr std::int64_t second = 1'000'000'000;
  std::int64_t ns = 0;
  if (spec::parse_utc_time(text, ns)) return ns;
  // A local time, or the beginning of a day.
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    struct tm parts {};
    const std::string copy(text);
    const char* end = ::strptime(copy.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    parts.tm_isdst = -1;
    return static_cast<std::int64_t>(::mktime(&parts)) * second;
  }
  const auto dot = text.find('.');
  unsigned long long number = 0;
  // Ten digits are a moment, fewer are seconds ago.
  if (parse_number(text.substr(0, dot), number) && number >= 1'000'000'000)
    return static_cast<std::int64_t>(number) * second;
  return containers::now_ns() - static_cast<std::int64_t>(bundle::parse_duration(text, option)) * second;
}

}  // namespace rocker::verbs
