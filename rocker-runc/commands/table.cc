#include "rocker-runc/commands/commands.hh"

namespace rocker::commands {

const Command table[] = {
    {"checkpoint", "not supported: save the state of a running container", checkpoint},
    {"create", "make a container from a bundle; its program waits for start", create},
    {"delete", "remove a stopped container", delete_},
    {"events", "print what happens to a container: statistics, out of memory", events},
    {"exec", "run one more process in a running container", exec},
    {"features", "print what this runtime supports, as OCI features JSON", features},
    {"kill", "send a signal to a container's init", kill},
    {"list", "list the containers", list},
    {"pause", "freeze the processes of a container", pause},
    {"ps", "list the processes of a container", ps},
    {"restore", "not supported: bring back a saved container", restore},
    {"resume", "let a paused container run again", resume},
    {"run", "make a container and start it", run},
    {"spec", "write a config.json to begin with", spec},
    {"start", "run the program of a created container", start},
    {"state", "print the state of a container, as OCI state JSON", state},
    {"update", "change the limits of a running container", update},
    {nullptr, nullptr, nullptr},
};

}  // namespace rocker::commands
