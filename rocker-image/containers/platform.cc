#include "rocker-image/containers/platform.hh"

#include "rocker-image/platform.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

void check_platform(const spec::ImageRecord& image, std::string_view wanted) {
  const Platform asked = Platform::parse(wanted);
  const Platform found =
      normalized({image.os, image.architecture.empty() ? spec::machine_architecture() : image.architecture,
                  image.variant});
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
