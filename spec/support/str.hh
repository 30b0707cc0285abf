// Building text without iostreams: a start of rocker-runc has no room for locales.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace rocker {

namespace detail {
inline void append(std::string& out, std::string_view part) {
  out.append(part);
}
inline void append(std::string& out, char part) {
  out.push_back(part);
}
template <std::integral T>
requires(!std::same_as<T, char> && !std::same_as<T, bool>) void append(std::string& out, T part) {
  out.append(std::to_string(part));
}
}  // namespace detail

// Joins strings, characters and integers (in decimal) to one string.
template <typename... Parts>
[[nodiscard]] std::string cat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

// The parts of text between separators; empty parts are kept, so that "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Without the blanks, tabs and line ends at both its ends.
std::string_view trim(std::string_view text);

// Text as it can be shown on one line of a terminal: control characters as \xNN, cut after `most` bytes.
std::string printable(std::string_view text, std::size_t most = 256);

// The whole of text as a number in the given base; false when it is anything else or out of range.
bool parse_number(std::string_view text, long long& out, int base = 10);
bool parse_number(std::string_view text, unsigned long long& out, int base = 10);

}  // namespace rocker
