#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rocker {

// "500B", "2.0KB", "441.1MB", "1.5GB": 1024-based, one decimal, cut and not rounded.
std::string format_size(std::uint64_t bytes);

// "256m", "1g", "1.5GiB", "1024": docker's grammar of a size, 1024-based, in bytes. `what` names the option
// or member in the error.
std::uint64_t parse_size(std::string_view text, std::string_view what);

// "1m30s", "1.5s", "500ms" in milliseconds, rounded up; nothing for what is no duration.
std::optional<std::uint64_t> parse_milliseconds(std::string_view text);

// How long ago something was, in nanoseconds, as docker words it: "About a minute", "3 hours".
std::string age(std::int64_t nanoseconds);

}  // namespace rocker
