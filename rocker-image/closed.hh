// Files and directories that are the caller's own and closed to him by their mode: etc/shadow is 0000 in
// Fedora's images, and in a store without root it is the user's. He may chmod, so he may read: the right is
// added for the instant that it takes to open, and taken away before anything else is done.
#pragma once

#include <sys/types.h>

#include <functional>

#include "spec/support/fd.hh"

namespace rocker {

// Calls attempt (which returns less than 0 and sets errno when it fails) while the file that fd is open on,
// perhaps O_PATH, has these bits of its owner. Fails as attempt did, or with EACCES when the file is somebody
// else's. Several may do it at once: what is restored is never another one's addition. lock, unless -1, is
// held exclusively (flock(2)) meanwhile.
long with_owner_bits(int fd, mode_t bits, int lock, const std::function<long()>& attempt);

// openat(2) of a name in a directory of a tree, never through a link, also where one of the two is closed to
// its owner. Empty with errno set when it fails.
UniqueFd open_closed(int dir_fd, const char* name, int flags, int lock = -1);
// The same of what a handle (O_PATH) is open on.
UniqueFd reopen_closed(int handle, int flags, int lock = -1);

}  // namespace rocker
