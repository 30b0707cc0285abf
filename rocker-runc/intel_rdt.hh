// linux.intelRdt (config-linux.md, "IntelRdt"): a directory in a mounted resctrl file system.
#pragma once

#include <sys/types.h>

#include <string>

#include "spec/config.hh"

namespace rocker {

// What create made, kept in the container's state for delete.
struct IntelRdtState {
  std::string clos_directory;  // removed on delete when it was made for this container; else empty
  std::string mon_directory;   // removed on delete; else empty
};

// True when /sys/fs/resctrl is a mounted resctrl, for `features` and for the error.
bool intel_rdt_available();

// Throws "no mounted resctrl" where there is none, and by the spec's rules on closID and the schemata.
IntelRdtState apply_intel_rdt(const spec::IntelRdt& rdt, const std::string& container_id, pid_t pid);
void remove_intel_rdt(const IntelRdtState& state);

}  // namespace rocker
