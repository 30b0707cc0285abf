// process.capabilities (config.md, "Linux Process"; capabilities(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/config.hh"

namespace rocker::process {

// The five sets as bit masks, bit n for capability number n.
struct CapabilitySets {
  std::uint64_t bounding = 0, effective = 0, permitted = 0, inheritable = 0, ambient = 0;
};

// The number of a capability by its name ("CAP_CHOWN"); nothing when it does not exist here.
std::optional<int> capability_number(std::string_view name);

// Every capability that this program and the kernel know, for `features`.
std::vector<std::string> known_capabilities();

// Names to masks. A name that is unknown or that the caller can't grant is a warning, once each, as the spec
// wants it (it never fails). With `new_user_namespace` (made or joined) all can be granted: its first process
// has them all.
CapabilitySets plan_capabilities(const spec::Capabilities& names, bool new_user_namespace = false);

// In the child, in this order: the bounding set while it is still root; then, after the user has been set
// with PR_SET_KEEPCAPS on, the other four.
void drop_bounding(const CapabilitySets& sets);
void set_capabilities(const CapabilitySets& sets);

}  // namespace rocker::process
