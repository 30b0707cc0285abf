#pragma once

#include "rocker-image/store.hh"

namespace rocker {

struct Clone {
  Staging staging;
  spec::ImageRecord record;
};

// The image in a folder that nobody changes (image.json's record, rootfs/, perhaps manifest) once more, to be
// committed under another name. Both share their files.
Clone clone_image(const Store& store, int folder_fd, const spec::ImageRecord& record,
                  const spec::Reference& target);

// Gives an image a second name. Both share their files by hard links: nothing in the store is ever written to
// again. Returns the new record. Throws Error.
spec::ImageRecord tag_image(const Store& store, const std::string& source, const spec::Reference& target);

}  // namespace rocker
