// The environment variable HOME of a process whose config.json has none.
#pragma once

#include <sys/types.h>

#include <string>

namespace rocker::process {

// In the container's root: the home directory that /etc/passwd has for the user id; "/" when it has none, as
// runc and crun have it. The file is the container's: only a regular one is read, and only so much of it.
std::string home_of(uid_t uid);

}  // namespace rocker::process
