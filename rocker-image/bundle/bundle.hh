// A bundle as a whole: made of an image and options, mounted, unmade (spec/README.md, "The bundle").
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "rocker-image/bundle/assemble.hh"
#include "rocker-image/bundle/options.hh"
#include "rocker-image/store.hh"

namespace rocker::bundle {

// DIR/rocker-bundle.json: what a bundle was made of, so that it can be mounted again and unmade.
struct BundleRecord {
  spec::Reference image;
  std::string generation;  // of the image; empty for a store that has none
  RootfsMode rootfs = RootfsMode::automatic;
  std::optional<UserRange> users = {};  // of its own user namespace, or of the one that it joins
};

BundleRecord load_record(const std::string& directory);
void save_record(const std::string& directory, const BundleRecord& record);

// Whether a bundle can be made in this folder: nothing is in it but what one that was killed at once has
// left, which is taken away.
bool is_free(const std::string& directory);

struct Request {
  const Store& store;
  const Options& options;
  std::string image;      // a reference or an ID
  std::string directory;  // of the bundle: absolute, exists
  std::string id;         // of the container, or empty
  std::function<std::string(const VolumeRequest&)> volume_source = {};
  std::function<pid_t(std::string_view)> container_pid = {};
  // The users of another container's user namespace ("--userns container:NAME"); none for the host's.
  std::function<std::optional<UserRange>(std::string_view)> container_users = {};
  // What is to be changed in config.json, knowing the image, before it is written.
  std::function<void(spec::Config&, const spec::ImageConfig&)> finish = {};
};

struct Made {
  Assembled assembled;
  Image image;
};

// Writes config.json, etc/, overlay/ and rocker-bundle.json, and makes the bundle a user of the image.
// Nothing is mounted yet. On an error what it made is gone again.
Made make(const Request& request);

// Mounts (or copies, once) the root file system of a bundle. `throw_away`: see Layers. Gives what the bundle
// is now.
BundleRecord mount(const Store& store, const std::string& directory, bool throw_away);

// Unmounts it and takes away all that make() and mount() made; the directory itself stays.
void unmake(const Store& store, const std::string& directory);

}  // namespace rocker::bundle
