// How BUNDLE/rootfs comes to be: the image below, an upper layer of the bundle's own above it (overlayfs), or
// a copy.
#pragma once

#include <optional>
#include <string>

#include "rocker-image/bundle/idmapped.hh"

namespace rocker::bundle {

struct Layers {
  std::string image;      // the image's root file system: absolute
  std::string directory;  // the bundle: absolute; has rootfs/, overlay/upper/ and overlay/work/ in it
  // The upper layer will never be mounted again: nothing needs to be on the disk when it is taken away.
  bool throw_away = false;
  // Of the container's own user namespace: image and upper layer, which belong to 0 and on, are idmapped to
  // it, and device nodes in them are none.
  std::optional<UserRange> users = {};
};

// Makes rootfs/ and the folders of the upper layer. The root of an overlay shows the upper folder's owner,
// mode and attributes, so these are the image's.
void make_layer_directories(const Layers& layers);

// Mounts the overlay on rootfs/. False when the kernel or the file system can't carry an upper layer there
// (overlayfs itself can't, as in many CI containers); `why` then says so. Throws for every other error.
bool mount_overlay(const Layers& layers, std::string& why);

// Copies the image into rootfs/, with owners, modes, times, links, attributes and holes.
void copy_rootfs(const Layers& layers);

// Covers rootfs/, which is a copy, by its idmapped self.
void mount_idmapped_copy(const std::string& directory, UserRange users);

// Whether something is mounted on rootfs/.
bool is_mounted(const std::string& directory);

// Takes the mount away; no error when there is none. One that is still in use is detached, or an error.
enum class InUse { detach, refuse };
void unmount_rootfs(const std::string& directory, InUse in_use = InUse::detach);

// Whether something was written, or deleted, in the bundle's own layer.
bool upper_layer_is_used(const std::string& directory);

}  // namespace rocker::bundle
