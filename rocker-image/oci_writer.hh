#pragma once

#include "rocker-image/store.hh"
#include "rocker-image/tar_writer.hh"

namespace rocker {

// An image as the tar of an OCI layout (image-spec image-layout.md) with one layer, that podman, skopeo,
// umoci, containerd and `import` read. The same image gives the same bytes. `scratch` is a folder for the
// layer while it is made.
void write_oci_archive(const spec::ImageRecord& record, int root_fd, int fd, Compress compress,
                       const std::string& scratch, const std::string& what);

}  // namespace rocker
