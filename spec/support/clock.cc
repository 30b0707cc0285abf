#include "spec/support/clock.hh"

#include <chrono>
#include <ctime>

#include "spec/support/str.hh"

namespace rocker {

static std::string digits(long number, std::size_t width) {
  std::string text = std::to_string(number);
  return text.size() < width ? cat(std::string(width - text.size(), '0'), text) : text;
}

std::string utc_now() {
  timespec ts{};
  ::clock_gettime(CLOCK_REALTIME, &ts);
  // Not by gmtime(3) and strftime(3), which read /etc/localtime first, whatever they are asked for.
  const std::chrono::sys_seconds now{std::chrono::seconds(ts.tv_sec)};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  return cat(static_cast<int>(date.year()), "-", digits(static_cast<unsigned>(date.month()), 2), "-",
             digits(static_cast<unsigned>(date.day()), 2), "T", digits(time.hours().count(), 2), ":",
             digits(time.minutes().count(), 2), ":", digits(time.seconds().count(), 2), ".",
             digits(ts.tv_nsec, 9), "Z");
}

}  // namespace rocker
