// The constants of linux.seccomp by their names in config.json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <seccomp.h>

namespace rocker::process {

// Each throws an Error that begins with `member` and lists what there is.
std::uint32_t seccomp_action(const std::string& name, std::string_view member);
scmp_compare seccomp_operator(const std::string& name, std::string_view member);
unsigned seccomp_flag(const std::string& name, std::string_view member);
// 0: a name of the runtime spec that this libseccomp does not know.
std::uint32_t seccomp_architecture(const std::string& name, std::string_view member);

}  // namespace rocker::process
