#pragma once

namespace rocker::rootfs {

// The option "tmpcopyup": what the image has at the place of a tmpfs is copied into it, with owners, modes,
// times and extended attributes. from_fd (O_PATH) is the image's directory, to_fd the root of the new mount.
void copy_up(int from_fd, int to_fd);

}  // namespace rocker::rootfs
