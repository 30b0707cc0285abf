#include "rocker-image/verbs/verbs.hh"

namespace rocker::verbs {

// In the order of the completions. Verbs without a usage are the shell's, not the user's.
static constexpr Verb verbs[] = {
    {"run",
     "[OPTIONS] IMAGE [COMMAND [ARG...]]\n       rocker run --image IMAGE [OPTIONS] [COMMAND [ARG...]]",
     "Runs a command in a new container of an image. It stays in the foreground and keeps its input, unless "
     "-d says\n"
     "otherwise. The network is none, with its loopback interface up, unless --network says otherwise",
     Takes::images, run_rows, run, true},
    {"create", "[OPTIONS] IMAGE [COMMAND [ARG...]]", "Makes a container that 'rocker start' starts",
     Takes::images, run_rows, create_verb, true},
    {"start", "[OPTIONS] CONTAINER...", "Starts containers that do not run", Takes::containers, start_rows,
     start, true},
    {"attach", "[OPTIONS] CONTAINER", "Attaches to a container that runs", Takes::containers, attach_rows,
     attach, true},
    {"exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "Runs one more process in a container that runs",
     Takes::containers, exec_rows, exec, true},
    {"ps", "[OPTIONS]", "Lists the containers", Takes::nothing, ps_rows, ps},
    {"logs", "[OPTIONS] CONTAINER", "Shows what a container has written", Takes::containers, logs_rows, logs},
    {"stop", "[OPTIONS] CONTAINER...", "Stops containers: with a signal, and by force after a time",
     Takes::containers, stop_rows, stop_verb},
    {"restart", "[OPTIONS] CONTAINER...", "Stops containers and starts them again", Takes::containers,
     stop_rows, restart_verb, true},
    {"kill", "[OPTIONS] CONTAINER...", "Sends a signal to containers", Takes::containers, kill_rows,
     kill_verb},
    {"pause", "CONTAINER...", "Holds all processes of containers", Takes::containers, nullptr, pause_verb},
    {"unpause", "CONTAINER...", "Lets them go on", Takes::containers, nullptr, unpause_verb},
    {"wait", "CONTAINER...", "Waits until containers end and prints their exit codes", Takes::containers,
     nullptr, wait_verb},
    {"rm", "[OPTIONS] CONTAINER...", "Removes containers", Takes::containers, rm_rows, rm_verb},
    {"rename", "CONTAINER NAME", "Gives a container another name", Takes::containers, nullptr, rename_verb},
    {"inspect", "[OPTIONS] CONTAINER|IMAGE...", "Shows all that is known, as JSON", Takes::containers,
     inspect_rows, inspect},
    {"top", "CONTAINER [OPTIONS-OF-PS]", "Shows the processes of a container", Takes::containers, nullptr,
     top},
    {"stats", "[OPTIONS] [CONTAINER...]", "Shows what containers use", Takes::containers, stats_rows, stats},
    {"update", "[OPTIONS] CONTAINER...", "Changes the limits of containers", Takes::containers, update_rows,
     update},
    {"port", "CONTAINER", "Lists published ports: there are none", Takes::containers, nullptr, port},
    {"cp", "[OPTIONS] CONTAINER:PATH PATH\n       rocker cp [OPTIONS] PATH CONTAINER:PATH",
     "Copies files out of a container or into it; - is a tar on stdin or stdout", Takes::files, cp_rows, cp},
    {"diff", "CONTAINER", "Lists what a container has added (A), changed (C) and deleted (D)",
     Takes::containers, nullptr, diff},
    {"export", "[OPTIONS] CONTAINER", "Writes a container's files as a tar", Takes::containers, export_rows,
     export_verb},
    {"commit", "[OPTIONS] CONTAINER NAME[:TAG]", "Makes an image of a container", Takes::containers,
     commit_rows, commit},
    {"events", "[OPTIONS]", "Shows what happens to containers", Takes::nothing, events_rows, events},
    {"container prune", "[OPTIONS]", "Removes the containers that do not run", Takes::nothing, prune_rows,
     prune_verb},
    {"volume create", "[OPTIONS] [NAME]", "Makes a volume", Takes::nothing, volume_create_rows,
     volume_create},
    {"volume ls", "[OPTIONS]", "Lists the volumes", Takes::nothing, volume_ls_rows, volume_ls},
    {"volume inspect", "[OPTIONS] VOLUME...", "Shows all that is known of volumes", Takes::volumes,
     volume_inspect_rows, volume_inspect},
    {"volume rm", "[OPTIONS] VOLUME...", "Removes volumes that no container has", Takes::volumes,
     volume_rm_rows, volume_rm},
    {"volume prune", "", "Removes the volumes that no container has", Takes::nothing, nullptr, volume_prune},
    {"system df", "[OPTIONS]", "Shows what the store takes up", Takes::nothing, info_rows, system_df},
    {"system info", "[OPTIONS]", "Shows what is known of this host and store", Takes::nothing, info_rows,
     system_info},
    {"system prune", "[OPTIONS]", "Removes what is not used", Takes::nothing, system_prune_rows,
     system_prune},
    {"doctor", "", "Looks for what on this host hinders containers", Takes::nothing, nullptr, doctor},
    {"begin", "", "", Takes::nothing, nullptr, begin_verb},
    {"failed", "", "", Takes::nothing, nullptr, failed_verb},
    {"ended", "", "", Takes::nothing, nullptr, ended_verb},
    {"health", "", "", Takes::nothing, nullptr, health},
    {"complete", "", "", Takes::nothing, nullptr, complete},
};

std::span<const Verb> all_verbs() {
  return verbs;
}

}  // namespace rocker::verbs
