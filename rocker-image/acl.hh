#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

struct archive_entry;

namespace rocker {

// The POSIX ACLs of an archive's entry, as the xattrs that the kernel keeps them in. Gives the number of
// entries that were lost since the archive names a user or group without its number: a name of the host's
// would be the wrong one.
std::size_t append_acls(archive_entry* entry, std::vector<std::pair<std::string, std::string>>& xattrs);

}  // namespace rocker
