#include "rocker-image/containers/platform.hh"

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

namespace {

struct Platform {
  std::string os, architecture, variant;
  std::string text() const {
    return cat(os, architecture.empty() || os.empty() ? "" : "/", architecture, variant.empty() ? "" : "/",
               variant);
  }
};

// containerd's platforms.Normalize: one name for what has several.
void normalize(Platform& p) {
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
}

Platform parse(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() > 3 || std::any_of(parts.begin(), parts.end(), [](auto part) { return part.empty(); })) {
    throw Error(
        cat("--platform: expected OS/ARCH[/VARIANT] as linux/arm64, found \"", printable(text), "\""));
  }
  Platform p;
  std::string first;
  for (const char c : parts[0]) first += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  constexpr std::string_view systems[] = {"linux", "windows", "darwin", "freebsd"};
  const bool system = std::find(std::begin(systems), std::end(systems), first) != std::end(systems);
  (system || parts.size() > 1 ? p.os : p.architecture) = first;
  if (parts.size() > 1) p.architecture = parts[1];
  if (parts.size() > 2) p.variant = parts[2];
  normalize(p);
  return p;
}

}  // namespace

void check_platform(const spec::ImageRecord& image, std::string_view wanted) {
  const Platform asked = parse(wanted);
  Platform found{image.os, image.architecture.empty() ? spec::machine_architecture() : image.architecture,
                 image.variant};
  normalize(found);
  const auto differs = [](const std::string& a, const std::string& b) {
    return !a.empty() && !b.empty() && a != b;
  };
  if (!differs(asked.os, found.os) && !differs(asked.architecture, found.architecture) &&
      !differs(asked.variant, found.variant))
    return;
  throw Error(cat("--platform: ", image.name, ":", image.tag, " is ", found.text(), ", asked for is ",
                  printable(asked.text())))
      .hint("import the image of that platform: rocker import --platform OS/ARCH ARCHIVE NAME");
}

}  // namespace rocker::containers
