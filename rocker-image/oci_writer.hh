#pragma once

#include <string>
#include <vector>

#include "rocker-image/store.hh"
#include "rocker-image/tar_writer.hh"

namespace rocker {

struct SavedImage {
  spec::ImageRecord record;
  int root_fd;          // of the root file system; borrowed
  std::string scratch;  // a folder for the layer while it is made
};

// Images as the tar of an OCI layout (image-spec image-layout.md), each with one layer, that podman, skopeo,
// umoci, containerd and `import` read. The same images give the same bytes.
void write_oci_archive(const std::vector<SavedImage>& images, int fd, Compress compress,
                       const std::string& what);

}  // namespace rocker
