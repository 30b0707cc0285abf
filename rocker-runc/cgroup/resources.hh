// From linux.resources to the files of a group (config-linux.md, "Control groups").
//
// A zero is "unset" where it is no limit that anybody could want (memory, swap, shares, quota, period,
// weights): engines fill in structs and send them whole, and runc takes it so. It is a value for pids,
// swappiness, idle and burst.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-runc/cgroup/group.hh"
#include "spec/resources.hh"

namespace rocker::cgroup {

// The group in the hierarchy that has the controller; null when no hierarchy has it.
using FindGroup = std::function<const Group*(std::string_view controller)>;

// v1: all but devices and unified. Throws for a member whose controller is not there.
void set_v1(const FindGroup& find, const spec::Resources& resources);

// hugepages.cc. `file` is "max" on v2 and "limit_in_bytes" on v1. Throws for a size that the kernel has no
// pages of.
void set_hugepages(const Group& group, const std::vector<spec::HugepageLimit>& limits, std::string_view file);

// v2: all but devices. Throws for a member that v2 has nothing for.
void set_v2(const Group& group, const spec::Resources& resources);

// The parts of it that a hybrid host has in its unified hierarchy.
void set_v2_unified(const Group& group, const spec::Resources& resources);

// The v2 controllers without which the resources can't be set: "memory", "io" ...
std::vector<std::string> needed_v2_controllers(const spec::Resources& resources);

// A v1 `shares` (2 to 262144) as a v2 weight (1 to 10000), by the formula that runc and crun have since 2025:
// the default of the one is that of the other (1024, 100), as the smallest and largest are.
std::uint64_t weight_of_shares(std::uint64_t shares);

// A v1 block I/O weight (10 to 1000) as an io.weight (1 to 10000), linearly, as the peers do it.
std::uint64_t io_weight_of_blkio(std::uint64_t weight);

// Writes a weight or shares to cpu.weight or cpu.shares. An idle group (cpu.idle 1) has none and would
// refuse: who gives it one wants it idle no more.
void write_cpu_weight(const Group& group, std::string_view file, const std::string& value);

// The limit on swap alone that `limit` and `swap` (memory and swap together) mean on v2: a number, "max", or
// nothing when it stays as it is. Throws when there is none.
std::string swap_of_memsw(std::int64_t limit, std::int64_t swap);

}  // namespace rocker::cgroup
