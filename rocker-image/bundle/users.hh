// Users and groups as the image's own /etc/passwd and /etc/group know them. The image may be hostile: both
// files are opened inside its root, must be plain files, and are read up to a limit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

struct ResolvedUser {
  spec::User user;
  std::string home = "/";
};

// "USER[:GROUP]", each a name or a number, empty for root; `groups` are names or numbers to be added. A name
// that the image does not know is an error; a number needs no entry. Without GROUP the user gets its groups
// of /etc/group.
ResolvedUser resolve_user(int root_fd, std::string_view text, const std::vector<std::string>& groups);

}  // namespace rocker::bundle
