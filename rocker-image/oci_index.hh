// The images that the index.json of an OCI layout leads to (image-spec image-index.md).
#pragma once

#include <vector>

#include "rocker-image/layout_documents.hh"

namespace rocker {

// For the wanted platform where an image is for several. `given`: the user asked for it. Throws Error.
std::vector<LayoutImage> oci_images(LayoutDocuments& documents, const Platform& wanted, bool given);

}  // namespace rocker
