#include "rocker-image/platform.hh"

#include <algorithm>

#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

int match(const Platform& wanted, const Platform& found) {
  if (wanted.os != found.os || wanted.architecture != found.architecture) return 0;
  if (wanted.variant == found.variant) return 3;
  return wanted.variant.empty() || found.variant.empty() ? 2 : wanted.architecture == "arm" ? 1 : 0;
}

Platform Platform::of_this_machine() {
  return {"linux", spec::machine_architecture(), ""};
}

Platform Platform::parse(std::string_view text) {
  const auto parts = split(text, '/');
  const bool empty =
      std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); });
  if (empty || parts.size() > 3) {
    throw Error(cat("--platform: \"", printable(text), "\" is not a platform"))
        .hint("give OS/ARCH[/VARIANT], as linux/arm64");
  }
  Platform platform;
  if (parts.size() == 1) {
    platform.architecture = parts[0];
  } else {
    platform.os = parts[0];
    platform.architecture = parts[1];
    if (parts.size() == 3) platform.variant = parts[2];
  }
  return platform;
}

std::string Platform::text() const {
  return cat(os, "/", architecture, variant.empty() ? "" : "/", variant);
}

}  // namespace rocker
