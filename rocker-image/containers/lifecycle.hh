// What happens to a container between `create` and `rm`. Whatever changes one holds its lock.
#pragma once

#include <string>

#include "rocker-image/bundle/options.hh"
#include "rocker-image/containers/containers.hh"
#include "rocker-image/containers/process.hh"
#include "rocker-image/store.hh"

namespace rocker::containers {

struct Room {
  Registry registry;
  Store store;
  explicit Room(const std::string& root) : registry(root), store(root) {}
};

// A new container of options.image: its folder, its bundle, container.json. On an error nothing is left.
Facts create(const Room& room, const bundle::Options& options);

// Whether we are asked by who starts it again as its policy says.
bool restarts(const Facts& facts);

// Everything that must be there before the runtime is called: the mount, the FIFO on which conmon answers,
// fresh files for what will be known at the end. Throws when the container runs already.
void begin(const Room& room, Facts& facts);

// The runtime could not make or start it: takes back what begin() did, keeps the reason; removes one that is
// to be removed at its end.
void failed(const Room& room, Facts& facts, const std::string& reason, int exit_code);

struct End {
  Facts facts;
  bool restart = false;
  unsigned delay = 0;  // milliseconds to wait before the restart
};

// It has ended: reads the exit status that conmon left, has the runtime forget it, unmounts, notes all that
// down, and removes it when that was asked for.
// `exit_code`: of one that no conmon has watched, as the runtime tells its hook.
// `by_policy`: the caller starts it again when its policy says so, and is noted down as who waits to.
End ended(const Room& room, const std::string& id, const std::string& runtime,
          std::optional<int> exit_code = {}, bool by_policy = false);

// Takes a container away; one that runs only by force, and then it is killed. Its anonymous volumes go with
// it when `volumes` says so, and when it was made to be removed at its end.
// False when somebody else has removed it meanwhile.
bool remove(const Room& room, const std::string& id, bool force, bool volumes, const std::string& runtime);

// Sends the stop signal, and SIGKILL when it has not ended after its time (seconds; -1 waits for ever).
// Returns when the end is noted down. No error when it does not run.
// One that is being started just now is waited for first, and one that is paused goes on with the signal.
// `signal` in the place of the container's own, when it is not empty. The events are docker's: a "kill" for
// each signal, and a "stop" when that was what was asked for.
enum class Notes { stop, kill };
void stop(const Room& room, Facts& facts, std::optional<int> timeout, const std::string& runtime,
          std::string_view signal = {}, Notes notes = Notes::stop);

// Lets the processes of a container go on when it is paused.
void thaw(const Room& room, const Facts& facts, const std::string& runtime);

// Waits until the end of a container is noted down, and gives its facts then. Between two lives that is the
// end of the next.
Facts wait_for_end(const Room& room, const Facts& facts, const std::string& runtime);

// "DIR/status", which whoever waits for a container has open: its exit status and whether memory ran out. It
// is written in place, once, so that it can be read after the folder is gone.
inline constexpr const char* status_file = "status";

}  // namespace rocker::containers
