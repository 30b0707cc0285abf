#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rocker {

struct PasswdEntry {
  std::string name, home;
  uid_t uid = 0;
  gid_t gid = 0;
};

// An ID as the kernel has it: 32 bits, and all ones means "no change" (chown(2)). False for anything else.
bool parse_id(std::string_view text, uid_t& out);

// The first entry of a passwd(5) that `wanted` takes. Lines that are no entries are passed over, as libc
// does; nothing is kept of the others, for the file is an image's and may be long.
std::optional<PasswdEntry> find_in_passwd(std::string_view text,
                                          const std::function<bool(const PasswdEntry&)>& wanted);

}  // namespace rocker
