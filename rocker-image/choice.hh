// Which images of an archive are imported, and as what.
#pragma once

#include <string>
#include <vector>

#include "rocker-image/importer.hh"
#include "rocker-image/layout.hh"
#include "spec/image.hh"

namespace rocker {

struct ChosenImage {
  LayoutImage image;
  std::vector<spec::Reference> references;  // one at least
  std::string advice;                       // what the user may not have meant; mostly empty
};

// By --select, --all and NAME. Throws Error when that leaves several, or one without a name.
std::vector<ChosenImage> choose_images(std::vector<LayoutImage> images, const ImportOptions& options);

}  // namespace rocker
