// -v, --mount and --tmpfs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

// One mount that a user asked for, before a named volume has a folder.
struct VolumeRequest {
  enum class Kind { bind, volume, tmpfs };
  Kind kind = Kind::bind;
  std::string source;                // bind: an absolute path; volume: its name, empty for an anonymous one
  std::string destination;           // absolute
  std::string mode;                  // the third part of -v, as given
  bool readonly = false;             // with all that is mounted below a bind's source
  bool writable_below = false;       // but for that
  bool make_source = false;          // docker's -v makes a missing folder of the host's, --mount does not
  bool own = false;                  // give it to the container's user (podman's U)
  bool idmap = false;                // a folder of the host's seen with the container's own numbers
  bool fill = true;                  // a new volume is filled with what the image has there
  std::vector<std::string> options;  // of the mount: propagation, noexec, size=
};

VolumeRequest parse_volume(std::string_view text);  // -v [SOURCE:]PATH[:OPTIONS]
VolumeRequest parse_mount(std::string_view text);   // --mount type=bind,source=,target=
VolumeRequest parse_tmpfs(std::string_view text);   // --tmpfs PATH[:OPTIONS]

// What the grammars have in common: a path in the container that is absolute and not its root (throws Error),
// and the words of mount(8).
std::string mount_destination(std::string_view text, std::string_view option);
bool is_mount_flag(std::string_view word);   // noexec, nosuid, ...
bool is_propagation(std::string_view word);  // rslave, shared, ...

// The name of a volume: [a-zA-Z0-9][a-zA-Z0-9_.-]*; throws Error for any other.
void check_volume_name(std::string_view name, std::string_view option);

// The entry of config.json; `source` is the folder of a volume or of a bind. In a container with users of its
// own a volume is idmapped, whether it is asked for or not: its files are numbered as the image's.
spec::Mount mount_of(const VolumeRequest& request, const std::string& source, bool own_users);

}  // namespace rocker::bundle
