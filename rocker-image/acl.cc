#include "rocker-image/acl.hh"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>

namespace rocker {

namespace {

// linux/posix_acl_xattr.h: a header and entries of 8 bytes, little-endian, sorted by tag and then by ID.
struct AclEntry {
  std::uint16_t tag = 0, permissions = 0;
  std::uint32_t id = 0;
  auto operator<=>(const AclEntry&) const = default;
};

constexpr std::uint32_t acl_version = 2, no_id = 0xffffffff;
constexpr std::uint16_t user_obj = 0x01, user = 0x02, group_obj = 0x04, group = 0x08, mask = 0x10,
                        other = 0x20;

void append_number(std::string& out, std::uint32_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

std::string encode(std::vector<AclEntry> entries) {
  std::sort(entries.begin(), entries.end());
  std::string out;
  append_number(out, acl_version, 4);
  for (const auto& entry : entries) {
    append_number(out, entry.tag, 2);
    append_number(out, entry.permissions, 2);
    append_number(out, entry.id, 4);
  }
  return out;
}

}  // namespace

std::size_t append_acls(archive_entry* raw, std::vector<std::pair<std::string, std::string>>& xattrs) {
  std::size_t lost = 0;
  constexpr std::pair<int, const char*> kinds[] = {
      {ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access"},
      {ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default"},
  };
  for (const auto& [kind, xattr] : kinds) {
    // Fewer than the three that every file has are its mode and no ACL.
    if (::archive_entry_acl_reset(raw, kind) <= (kind == ARCHIVE_ENTRY_ACL_TYPE_ACCESS ? 3 : 0)) continue;
    std::vector<AclEntry> entries;
    int type = 0, permissions = 0, tag = 0, id = 0;
    const char* name = nullptr;
    while (::archive_entry_acl_next(raw, kind, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
      AclEntry entry;
      entry.permissions = static_cast<std::uint16_t>(permissions & 7);
      entry.id = no_id;
      switch (tag) {
        case ARCHIVE_ENTRY_ACL_USER_OBJ: entry.tag = user_obj; break;
        case ARCHIVE_ENTRY_ACL_GROUP_OBJ: entry.tag = group_obj; break;
        case ARCHIVE_ENTRY_ACL_MASK: entry.tag = mask; break;
        case ARCHIVE_ENTRY_ACL_OTHER: entry.tag = other; break;
        case ARCHIVE_ENTRY_ACL_USER: entry.tag = user; break;
        case ARCHIVE_ENTRY_ACL_GROUP: entry.tag = group; break;
        default: continue;
      }
      if (entry.tag == user || entry.tag == group) {
        if (id < 0) {
          ++lost;
          continue;
        }
        entry.id = static_cast<std::uint32_t>(id);
      }
      entries.push_back(entry);
    }
    if (!entries.empty()) xattrs.emplace_back(xattr, encode(std::move(entries)));
  }
  return lost;
}

}  // namespace rocker
