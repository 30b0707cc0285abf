#pragma once

#include <string>
#include <utility>
#include <vector>

namespace rocker {

// The xattrs of a pax header as libarchive's reader gives them become those of the file. A keyword can't hold
// every byte: GNU tar writes SCHILY.xattr.user.a%3Db for "user.a=b", libarchive also %FF for what is not
// printable, and the reader leaves both as they are. What libarchive's own writer has put down twice, as
// LIBARCHIVE.xattr too, becomes one again.
void decode_xattr_names(std::vector<std::pair<std::string, std::string>>& xattrs);

}  // namespace rocker
