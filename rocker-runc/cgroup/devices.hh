// Which device nodes a container may make, read and write (config-linux.md, "Allowed Device list"). The rules
// are applied in order on top of "deny all", and the standard allowances of the runtimes come last, so that
// they always hold. v1 and v2 get their own form of the same rules and have to give the same answers.
//
// A request is decided bit by bit (read, write, mknod): the last rule that names the device and the bit
// decides it, and the request is allowed when all of its bits are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/resources.hh"

struct bpf_insn;

namespace rocker::cgroup {

enum Access : std::uint8_t {
  access_mknod = 1,
  access_read = 2,
  access_write = 4,
  access_all = 7
};  // as in linux/bpf.h

struct DeviceMatch {
  bool allow = false;
  char type = 'a';                                      // a: both, b, c
  std::optional<std::uint32_t> major = {}, minor = {};  // empty: all
  std::uint8_t access = 0;
};

// "deny all", the configured rules, the standard allowances.
std::vector<DeviceMatch> device_rules(const std::vector<spec::DeviceRule>& configured);

// What the rules allow of a device, as bits of Access.
std::uint8_t allowed_access(const std::vector<DeviceMatch>& rules, char type, std::uint32_t major,
                            std::uint32_t minor);

// v1: a default and exceptions from it, as the devices controller keeps them.
struct DeviceList {
  bool allow_by_default = false;
  std::vector<std::string> exceptions = {};  // "c 1:3 rwm"
  // False when v1 can't say it: an exception from an exception ("all of major 8 but 8:1"). The list allows
  // more than the rules then.
  bool exact = true;
};
DeviceList device_list(const std::vector<DeviceMatch>& rules);

// v2: the program for BPF_CGROUP_DEVICE.
std::vector<bpf_insn> device_program(const std::vector<DeviceMatch>& rules);

// Loads the program and attaches it to the group in the unified hierarchy. With `replace` a program of ours
// that is there already is replaced in one step. Throws.
void attach_device_program(int group_fd, const std::vector<DeviceMatch>& rules, bool replace);
// Takes a program of ours off the group again, if there is one. Throws.
void detach_device_program(int group_fd);

}  // namespace rocker::cgroup
