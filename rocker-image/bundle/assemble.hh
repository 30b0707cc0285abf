// Options, and what is known of the image, to a config.json.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "rocker-image/bundle/idmapped.hh"
#include "rocker-image/bundle/options.hh"
#include "rocker-image/bundle/volumes.hh"
#include "spec/config.hh"
#include "spec/image.hh"

namespace rocker::bundle {

// What the bundle is made of and for.
struct Place {
  std::string directory;                // of the bundle: absolute
  std::string image_reference;          // "busybox:latest"
  std::string id;                       // of the container; empty when the runtime is to name it
  int root_fd = -1;                     // the image's root file system
  std::optional<UserRange> users = {};  // of its user namespace; none with the host's
  // The folder of a volume; the PID of another container's first process ("container:NAME"). Each throws
  // Error.
  std::function<std::string(const VolumeRequest& request)> volume_source;
  std::function<pid_t(std::string_view container)> container_pid;
};

struct Assembled {
  spec::Config config;
  std::string hostname;
  std::string stop_signal;             // "SIGTERM"
  std::vector<VolumeRequest> volumes;  // all that are mounted, the image's own among them
};

// The two halves of a container's command: the image's where the line has none. An entry point of the
// caller's takes the image's command away too; "" takes the image's entry point away (docker's habit).
struct CommandWords {
  std::vector<std::string> entrypoint, cmd;
};
CommandWords command_of(const Options& options, const spec::ImageConfig& image);

// Throws Error that names the option. Writes nothing, but asks volume_source, which may make a volume.
Assembled assemble(const Options& options, const spec::ImageConfig& image, const Place& place);

}  // namespace rocker::bundle
