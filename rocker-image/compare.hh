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
using OnDifference = std::function<void(const Difference&)>;

// The tree against the manifest in the file; with `content` every file is read and hashed. Throws Error.
void compare_tree(int root_fd, const std::string& manifest, bool content, const OnDifference& report);

// Two manifests. Times are no difference.
void compare_manifests(const std::string& before, const std::string& after, const OnDifference& report);

}  // namespace rocker
