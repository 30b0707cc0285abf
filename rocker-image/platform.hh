// What an image is made for.
#pragma once

#include <string>
#include <string_view>

namespace rocker {

struct Platform {
  std::string os = "linux";
  std::string architecture;
  std::string variant;

  static Platform of_this_machine();
  // OS[/ARCH[/VARIANT]] or ARCH, normalized; the system is Linux when it is not said, and what else is not
  // said is empty. Throws Error.
  static Platform parse(std::string_view text);
  std::string text() const;
};

// containerd's platforms.Normalize: one name for what has several, as "aarch64", which the kernel says, and
// "arm64".
Platform normalized(Platform platform);

// How well an image suits: 0 not at all.
int match(const Platform& wanted, const Platform& found);

}  // namespace rocker
