// The health check that a container is made with.
#pragma once

#include "rocker-image/bundle/options.hh"
#include "rocker-image/containers/facts.hh"
#include "spec/image.hh"

namespace rocker::containers {

// As docker has it: what the caller says goes before what the image says, option by option. No command: no
// check.
HealthCheck health_check(const bundle::Options& options, const spec::ImageConfig& image);

}  // namespace rocker::containers
