#include "rocker-image/containers/health.hh"

#include <algorithm>
#include <optional>

namespace rocker::containers {

HealthCheck health_check(const bundle::Options& options, const spec::ImageConfig& image) {
  HealthCheck check;
  if (options.no_healthcheck) return check;
  const auto& test = image.health.test;
  if (!options.health_cmd.empty()) {
    check.command = {"/bin/sh", "-c", options.health_cmd};
  } else if (test.size() > 1 && test[0] == "CMD-SHELL") {
    check.command = {"/bin/sh", "-c", test[1]};
  } else if (test.size() > 1 && test[0] == "CMD") {
    check.command.assign(test.begin() + 1, test.end());
  } else {
    return check;
  }
  const auto choose = [](std::uint64_t& out, std::optional<std::uint64_t> milliseconds,
                         std::int64_t nanoseconds) {
    constexpr std::int64_t millisecond = 1'000'000;
    // docker: zero is the usual time.
    if (milliseconds && *milliseconds != 0) {
      out = *milliseconds;
    } else if (!milliseconds && nanoseconds > 0) {
      out = static_cast<std::uint64_t>(std::max<std::int64_t>(1, nanoseconds / millisecond));
    }
  };
  choose(check.interval, options.health_interval, image.health.interval);
  choose(check.timeout, options.health_timeout, image.health.timeout);
  choose(check.start_period, options.health_start_period, image.health.start_period);
  check.start_interval = options.health_start_interval.value_or(0);
  if (options.health_retries) {
    check.retries = *options.health_retries;
  } else if (image.health.retries > 0) {
    check.retries = static_cast<unsigned>(std::min<std::int64_t>(image.health.retries, 1000));
  }
  return check;
}

}  // namespace rocker::containers
