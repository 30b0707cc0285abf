// What the systemd driver tells systemd about a container: the properties of its scope
// (systemd.resource-control(5), org.freedesktop.systemd1(5)). No bus in here: from a configuration to a list.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rocker-runc/cgroup/gvariant.hh"
#include "spec/config.hh"

namespace rocker::cgroup {

using Property = std::pair<std::string, Variant>;

struct ScopeName {
  std::string slice;  // "system.slice"
  std::string unit;   // "rocker-ID.scope", or a ".slice"
};

// cgroupsPath "slice:prefix:name", each of which may be empty; all of it empty: "system.slice:rocker:ID"
// ("user.slice" for a user's own systemd). Throws for any other form.
ScopeName scope_name(const std::string& cgroups_path, const std::string& id, bool user);

// "/a.slice/a-b.slice" for "a-b.slice", "" for "-.slice". Throws for what is no slice's name.
std::string slice_path(const std::string& slice);

// What runc sets from resources. With `update` no device properties. v1 and v2 have different names for some.
std::vector<Property> resource_properties(const spec::Resources& resources, bool v2, bool update,
                                          int systemd_version);

// org.systemd.property.NAME annotations. Throws for a name or a value that is none.
std::vector<Property> annotated_properties(const spec::StringMap& annotations);

}  // namespace rocker::cgroup
