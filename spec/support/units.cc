#include "spec/support/units.hh"

#include <algorithm>
#include <cmath>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

std::string format_size(std::uint64_t bytes) {
  if (bytes < 1024) return cat(bytes, "B");
  constexpr std::string_view units[] = {"KB", "MB", "GB"};
  std::uint64_t unit = 1024;
  std::size_t index = 0;
  while (index + 1 < std::size(units) && bytes / unit >= 1024) {
    unit *= 1024;
    ++index;
  }
  // Integers throughout: the tenth is cut, and a size of 2^64 - 1 must not be rounded up by a double.
  const std::uint64_t tenths = bytes % unit / (unit / 1024) * 10 / 1024;
  return cat(bytes / unit, ".", tenths, units[index]);
}

std::uint64_t parse_size(std::string_view text, std::string_view what) {
  const auto refuse = [&](std::string_view why) {
    return Error(cat(what, ": \"", printable(text), "\" ", why))
        .hint("give a number of bytes, or one with a unit: 512k, 256m, 2g");
  };
  std::string_view rest = trim(text);
  std::uint64_t whole = 0, fraction = 0, scale = 1;
  std::size_t digits = 0;
  for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
    if (__builtin_mul_overflow(whole, std::uint64_t{10}, &whole) ||
        __builtin_add_overflow(whole, static_cast<std::uint64_t>(rest[digits] - '0'), &whole)) {
      throw refuse("is too large");
    }
  }
  if (digits == 0) throw refuse("is not a size");
  rest.remove_prefix(digits);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') throw refuse("is not a size");
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      // Nine digits are finer than a byte of a gigabyte; more would overflow below.
      if (scale < 1'000'000'000) {
        fraction = fraction * 10 + static_cast<std::uint64_t>(rest[0] - '0');
        scale *= 10;
      }
      rest.remove_prefix(1);
    }
  }
  unsigned shift = 0;
  rest = trim(rest);
  if (!rest.empty()) {
    constexpr std::string_view letters = "bkmgtp";
    const char letter = static_cast<char>(rest[0] | 0x20);
    const auto index = letters.find(letter);
    if (index == std::string_view::npos) throw refuse("has an unknown unit");
    shift = static_cast<unsigned>(index) * 10;
    rest.remove_prefix(1);
    if (shift != 0 && (rest.starts_with('i') || rest.starts_with('I'))) rest.remove_prefix(1);
    if (shift != 0 && (rest.starts_with('b') || rest.starts_with('B'))) rest.remove_prefix(1);
    if (!rest.empty()) throw refuse("has an unknown unit");
  }
  const unsigned __int128 bytes = (static_cast<unsigned __int128>(whole) << shift) +
                                  (static_cast<unsigned __int128>(fraction) << shift) / scale;
  if (bytes > INT64_MAX) throw refuse("is too large");
  return static_cast<std::uint64_t>(bytes);
}

std::optional<std::uint64_t> parse_milliseconds(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t milliseconds = 0;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    unsigned long long number = 0;
    if (!parse_number(text.substr(0, digits), number) || number > 1'000'000'000) return std::nullopt;
    text.remove_prefix(digits);
    // Behind a point count the first six digits.
    double fraction = 0;
    if (text.starts_with('.')) {
      const auto end = std::min(text.find_first_not_of("0123456789", 1), text.size());
      double weight = 0.1;
      for (const char digit : text.substr(1, std::min<std::size_t>(end - 1, 6))) {
        fraction += weight * (digit - '0');
        weight /= 10;
      }
      if (end == 1) return std::nullopt;
      text.remove_prefix(end);
    }
    const auto letters = std::min(text.find_first_of("0123456789"), text.size());
    const auto unit = text.substr(0, letters);
    text.remove_prefix(letters);
    const std::uint64_t scale = unit == "h"    ? 3'600'000
                                : unit == "m"  ? 60'000
                                : unit == "s"  ? 1000
                                : unit == "ms" ? 1
                                               : 0;
    if (scale == 0) return std::nullopt;
    // A millionth is what the digits may be wrong by in binary.
    milliseconds += number * scale + static_cast<std::uint64_t>(std::ceil(fraction * scale - 1e-6));
  }
  return milliseconds;
}

std::string age(std::int64_t nanoseconds) {
  const std::int64_t seconds = nanoseconds / 1'000'000'000, minutes = seconds / 60,
                     hours = (minutes + 30) / 60;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return cat(seconds, " seconds");
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return cat(minutes, " minutes");
  if (hours == 1) return "About an hour";
  if (hours < 48) return cat(hours, " hours");
  if (hours < 24 * 7 * 2) return cat(hours / 24, " days");
  if (hours < 24 * 30 * 2) return cat(hours / 24 / 7, " weeks");
  if (hours < 24 * 365 * 2) return cat(hours / 24 / 30, " months");
  return cat(hours / 24 / 365, " years");
}

}  // namespace rocker
