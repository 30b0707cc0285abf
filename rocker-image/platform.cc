#include "rocker-image/platform.hh"

#include <algorithm>

#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

Platform normalized(Platform p) {
  constexpr std::string_view names[][3] = {
      {"x86_64", "amd64", ""}, {"x86-64", "amd64", ""}, {"aarch64", "arm64", ""}, {"i386", "386", ""},
      {"i686", "386", ""},     {"armhf", "arm", "v7"},  {"armel", "arm", "v6"},
  };
  for (const auto& [alias, name, variant] : names) {
    if (p.architecture != alias) continue;
    p.architecture = name;
    if (p.variant.empty()) p.variant = variant;
    break;
  }
  // What every CPU of these has is no variant.
  if ((p.architecture == "arm64" && p.variant == "v8") || (p.architecture == "amd64" && p.variant == "v1"))
    p.variant.clear();
  return p;
}

int match(const Platform& wanted_as_given, const Platform& found_as_given) {
  const Platform wanted = normalized(wanted_as_given), found = normalized(found_as_given);
  if (wanted.os != found.os || wanted.architecture != found.architecture) return 0;
  if (wanted.variant == found.variant) return 3;
  return wanted.variant.empty() || found.variant.empty() ? 2 : wanted.architecture == "arm" ? 1 : 0;
}

Platform Platform::of_this_machine() {
  return {"linux", spec::machine_architecture(), ""};
}

Platform Platform::parse(std::string_view text) {
  // As containerd does it: LINUX/AMD64 is the same.
  std::string lower;
  for (const char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  const auto parts = split(lower, '/');
  const bool empty =
      std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); });
  if (empty || parts.size() > 3) {
    throw Error(cat("--platform: \"", printable(text), "\" is not a platform"))
        .hint("give OS/ARCH[/VARIANT], as linux/arm64");
  }
  constexpr std::string_view systems[] = {"linux", "windows", "darwin", "freebsd"};
  const bool system = std::find(std::begin(systems), std::end(systems), parts[0]) != std::end(systems);
  Platform platform;
  if (parts.size() == 1) {
    (system ? platform.os : platform.architecture) = parts[0];
  } else {
    platform.os = parts[0];
    platform.architecture = parts[1];
    if (parts.size() == 3) platform.variant = parts[2];
  }
  return normalized(std::move(platform));
}

std::string Platform::text() const {
  return cat(os, architecture.empty() ? "" : "/", architecture, variant.empty() ? "" : "/", variant);
}

}  // namespace rocker
