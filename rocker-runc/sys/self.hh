#pragma once

namespace rocker::sys {

// Runs this program again from a read-only view of its own file, unless it is one already. A process of a
// container that gets at /proc/PID/exe of the runtime (CVE-2019-5736: an image whose program is
// "#!/proc/self/exe", or a ptrace of `exec`) then holds a file that it can't open for writing. Call it first
// in main, for the commands that enter a container.
void protect_own_binary(char** argv);

}  // namespace rocker::sys
