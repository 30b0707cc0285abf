#include "rocker-image/xattr_digest.hh"

#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>

#include "rocker-image/attributes.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

bool in_manifest(std::string_view xattr) {
  return xattr.starts_with("user.") || xattr.starts_with("trusted.") || xattr == "security.capability" ||
         xattr.starts_with("system.posix_acl_");
}

std::optional<Sha256::Digest> xattr_digest(int fd, int lock) {
  std::optional<Sha256> hash;
  for (const auto& [name, value] : read_xattrs(fd, lock)) {
    if (!in_manifest(name)) continue;
    if (!hash) hash.emplace();
    const std::string head = cat(name, std::string_view("\0", 1), value.size(), std::string_view("\0", 1));
    hash->update(head.data(), head.size());
    hash->update(value.data(), value.size());
  }
  if (!hash) return std::nullopt;
  return hash->finish();
}

std::optional<Sha256::Digest> xattr_digest(const Node& node) {
  if (node.handle >= 0) return xattr_digest(node.handle, node.lock);
  // Most files have none, which one call tells without opening them; the name's last part is not followed.
  const std::string path = cat("/proc/self/fd/", node.parent, "/", node.name);
  const ssize_t size = ::llistxattr(path.c_str(), nullptr, 0);
  if (size == 0 || (size < 0 && errno == ENOTSUP)) return std::nullopt;
  if (size < 0) throw system_error(cat("list the xattrs of ", printable(node.path)));
  return xattr_digest(open_node(node, O_PATH).get(), node.lock);
}

bool any_in_manifest(const Attributes& attributes) {
  return std::any_of(attributes.xattrs.begin(), attributes.xattrs.end(),
                     [](const auto& xattr) { return in_manifest(xattr.first); });
}

void note_xattrs(InodeSet& inodes, int dir_fd, const std::string& name, const Attributes& attributes) {
  if (!any_in_manifest(attributes)) return;
  struct stat st {};
  // A device may not have been made.
  if (::fstatat(dir_fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) inodes.add(st.st_ino);
}

}  // namespace rocker
