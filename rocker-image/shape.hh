// What a tree looks like, whatever its archive was called: a root file system, or something that holds one.
#pragma once

#include <string>

namespace rocker {

// Throws Error, with what to do, for a tree that is no root file system but an archive of images of a kind
// that import doesn't read, or a layout one directory down. `folder` says that it is the user's, and no
// archive's. root_fd is borrowed.
void refuse_other_archives(int root_fd, bool folder);

// What to say of a tar of the folder instead of what is in it, as `tar -c rootfs` makes it; empty for others.
// top is what --strip-components takes it away by.
std::string single_directory_advice(int root_fd, unsigned top);

}  // namespace rocker
