// What `--change` says of an image, in the grammar of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL,
// STOPSIGNAL, USER, VOLUME, WORKDIR.
#pragma once

#include <string_view>

#include "spec/image.hh"

namespace rocker {

// Throws Error that names the instruction.
void apply_change(std::string_view instruction, spec::ImageConfig& config);

}  // namespace rocker
