// The device rules on v1 and hybrid hosts: the lists of the devices controller (cgroup-v1/devices.rst), and
// for what they can't say the program of cgroup v2, where there is a unified hierarchy beside.
#pragma once

#include <vector>

#include "rocker-runc/cgroup/group.hh"
#include "spec/resources.hh"

namespace rocker::cgroup {

struct DevicesV1 {
  bool update = false;  // processes live by the list that is there: what stays allowed is so at every moment
  bool made = false;    // the unified group is new, so that it has no program of ours
  bool rootless = false;  // what this user may not do is no error then
};

// `list`: the group of the devices controller, `unified` that of cgroup v2; null where there is none. Throws.
void set_devices_v1(const Group* list, const Group* unified, const DevicesV1& how,
                    const std::vector<spec::DeviceRule>& configured);

}  // namespace rocker::cgroup
