// The environment variable HOME of a process whose config.json has none.
#pragma once

#include <sys/types.h>

#include <string>

namespace rocker::process {

// In the container's root: the home directory that /etc/passwd has for the user id; "/" when it has none, as
// runc and crun have it. The file is the container's: only a regular one is opened. proc_fd: the
// host's procfs.
std::string home_of(uid_t uid, int proc_fd);

}  // namespace rocker::process
