// What a tree has become since its manifest was made, and what two manifests differ in.
#pragma once

#include <functional>
#include <string>

#include "rocker-image/manifest.hh"

namespace rocker {

struct Difference {
  enum class Kind { added, deleted, changed };
  Kind kind = Kind::changed;
  std::string path;  // with a slash in front
  std::string what;  // of a change: "mode 0644 -> 0600, size 3 -> 5"
};
// The folder of an image: open, and its path for messages.
struct ManifestFolder {
  int fd;
  std::string path;
};
using OnDifference = std::function<void(const Difference&)>;

// The tree against the manifest in the folder; with `content` every file is read and hashed. Throws Error.
void compare_tree(int root_fd, const ManifestFolder& manifest, bool content, const OnDifference& report);

// Two manifests. Times are no difference.
void compare_manifests(const ManifestFolder& before, const ManifestFolder& after, const OnDifference& report);

}  // namespace rocker
