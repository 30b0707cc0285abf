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
  static Platform parse(std::string_view text);  // OS/ARCH[/VARIANT], or ARCH
  std::string text() const;
};

// How well an image suits: 0 not at all.
int match(const Platform& wanted, const Platform& found);

}  // namespace rocker
