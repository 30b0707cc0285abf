#pragma once

#include "rocker-image/store.hh"

namespace rocker {

// Gives an image a second name. Both share their files by hard links: nothing in the store is ever written to
// again. Returns the new record. Throws Error.
spec::ImageRecord tag_image(const Store& store, const std::string& source, const spec::Reference& target);

}  // namespace rocker
