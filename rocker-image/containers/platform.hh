// --platform of run and create.
#pragma once

#include <string_view>

#include "spec/image.hh"

namespace rocker::containers {

// Throws Error unless the image is of the platform that was asked for: see Platform::parse. What is not
// said is not compared.
void check_platform(const spec::ImageRecord& image, std::string_view wanted);

}  // namespace rocker::containers
