#include "rocker-image/attributes.hh"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/closed.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

void Tally::add(const Tally& other) {
  whiteout_devices += other.whiteout_devices;
  overlay_xattrs += other.overlay_xattrs;
  devices_denied += other.devices_denied;
  devices_unwanted += other.devices_unwanted;
  owners_changed += other.owners_changed;
  xattrs_lost += other.xattrs_lost;
  acls_lost += other.acls_lost;
  whiteouts_ignored += other.whiteouts_ignored;
  mounts += other.mounts;
  excluded += other.excluded;
  stripped += other.stripped;
}

std::string Tally::text() const {
  std::vector<std::string> parts;
  const auto tell = [&](std::size_t count, std::string_view one, std::string_view many,
                        std::string_view why) {
    if (count != 0) parts.push_back(cat(count, " ", count == 1 ? one : many, " (", why, ")"));
  };
  tell(whiteout_devices, "character device 0:0", "character devices 0:0",
       "overlayfs would take them for whiteouts");
  tell(overlay_xattrs, "overlay xattr", "overlay xattrs", "they would mislead overlayfs");
  tell(devices_denied, "device node", "device nodes", "not permitted here");
  tell(devices_unwanted, "device node", "device nodes", "--no-devices");
  tell(owners_changed, "owner", "owners", "they are this user's");
  tell(xattrs_lost, "xattr", "xattrs", "not supported, not permitted or too large here");
  tell(acls_lost, "ACL entry", "ACL entries", "for a name without a number");
  tell(whiteouts_ignored, "whiteout", "whiteouts", "aufs' own, or below a symbolic link");
  tell(mounts, "mount", "mounts", "what is mounted is no part of the folder");
  return join(parts, ", ");
}

namespace {

// user_namespaces(7): lines of the first ID inside, the first outside, and how many.
std::vector<Ownership::Range> ids_of(const char* map) {
  std::vector<Ownership::Range> ranges;
  const auto text = read_file_if_exists(AT_FDCWD, map, 1 << 20);
  if (!text) return ranges;
  for (const auto line : split(*text, '\n')) {
    unsigned long long numbers[3]{};
    std::size_t count = 0;
    for (const auto word : split(line, ' '))
      if (!word.empty() && count < 3 && parse_number(word, numbers[count])) ++count;
    if (count == 3) ranges.push_back({numbers[0], numbers[2]});
  }
  return ranges;
}

bool may_chown() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1U << CAP_CHOWN) != 0;
}

}  // namespace

Ownership Ownership::of_this_process(bool keep_own) {
  const uid_t uid = ::geteuid();
  Ownership ownership{uid == 0 && !keep_own && may_chown(), uid, ::getegid()};
  if (ownership.any) {
    ownership.uids = ids_of("/proc/self/uid_map");
    ownership.gids = ids_of("/proc/self/gid_map");
  }
  return ownership;
}

bool Ownership::may_own(uid_t uid, gid_t gid) const {
  const auto has = [](const std::vector<Range>& ranges, std::uint64_t id) {
    return ranges.empty() ||
           std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return range.has(id); });
  };
  return any && has(uids, uid) && has(gids, gid);
}

// f*xattr(2) refuse what was opened O_PATH; the kernel's own link to it is not followed any further when it
// is a symbolic link itself.
std::vector<std::pair<std::string, std::string>> read_xattrs(int fd, int lock) {
  std::vector<std::pair<std::string, std::string>> xattrs;
  const std::string path = cat("/proc/self/fd/", fd);
  const ssize_t needed = ::listxattr(path.c_str(), nullptr, 0);
  if (needed < 0 && errno != ENOTSUP) throw system_error("list xattrs");
  if (needed <= 0) return xattrs;
  std::string names(static_cast<std::size_t>(needed) + 1024, '\0');
  const ssize_t length = ::listxattr(path.c_str(), names.data(), names.size());
  if (length < 0) throw system_error("list xattrs");
  names.resize(static_cast<std::size_t>(length));
  for (const auto name : split(names, '\0')) {
    if (name.empty()) continue;
    std::string value(65536, '\0');
    const auto get = [&] {
      return ::getxattr(path.c_str(), std::string(name).c_str(), value.data(), value.size());
    };
    ssize_t size = get();
    // user.* take the permission to read.
    if (size < 0 && errno == EACCES) size = with_owner_bits(fd, S_IRUSR, lock, get);
    if (size < 0) continue;  // it went away, or is not for us to read
    value.resize(static_cast<std::size_t>(size));
    xattrs.emplace_back(name, std::move(value));
  }
  // Each file system lists them in an order of its own.
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

namespace {

constexpr std::string_view overlay_prefixes[] = {"trusted.overlay.", "user.overlay."};

// ext4 has a block for them, and says that there is no space left when one does not fit. `fd` may be O_PATH.
bool is_too_large(int fd, int error) {
  if (error == E2BIG) return true;
  struct statvfs st {};
  return error == ENOSPC && ::fstatvfs(fd, &st) == 0 && st.f_bavail > 0;
}

template <typename Set>
void apply_xattrs(int fd, const Attributes& attributes, Tally& tally, Set set) {
  for (const auto& [name, value] : attributes.xattrs) {
    bool overlay = false;
    for (const auto prefix : overlay_prefixes) overlay = overlay || name.starts_with(prefix);
    if (overlay) {
      ++tally.overlay_xattrs;
      continue;
    }
    if (set(name.c_str(), value) == 0) continue;
    const int error = errno;
    if (error != ENOTSUP && error != EPERM && error != EACCES && error != EINVAL && error != ERANGE &&
        !is_too_large(fd, error)) {
      throw system_error(cat("set xattr ", printable(name)), error);
    }
    ++tally.xattrs_lost;
  }
}

// The owner first: chown takes set-ID bits and file capabilities away.
bool needs_chown(const Attributes& attributes, const Ownership& ownership, Tally& tally) {
  if (attributes.uid == ownership.own_uid && attributes.gid == ownership.own_gid) return false;
  const bool may = ownership.may_own(attributes.uid, attributes.gid);
  if (!may) ++tally.owners_changed;
  return may;
}

}  // namespace

void apply_attributes(int fd, const Attributes& attributes, const Ownership& ownership, mode_t created_mode,
                      Tally& tally) {
  const bool chown = needs_chown(attributes, ownership, tally);
  if (chown && ::fchown(fd, attributes.uid, attributes.gid) < 0) {
    throw system_error(cat("chown to ", attributes.uid, ":", attributes.gid));
  }
  if (attributes.mode != created_mode || (chown && (attributes.mode & 07000) != 0)) {
    if (::fchmod(fd, attributes.mode) < 0) throw system_error("chmod");
  }
  if (!attributes.xattrs.empty()) {
    // user.* take the permission to write, which root needs not.
    const bool closed = !ownership.any && (attributes.mode & 0200) == 0;
    if (closed && ::fchmod(fd, attributes.mode | 0200) < 0) throw system_error("chmod");
    apply_xattrs(fd, attributes, tally, [&](const char* name, const std::string& value) {
      return ::fsetxattr(fd, name, value.data(), value.size(), 0);
    });
    if (closed && ::fchmod(fd, attributes.mode) < 0) throw system_error("chmod");
  }
  const timespec times[] = {attributes.mtime, attributes.mtime};
  if (::futimens(fd, times) < 0) throw system_error("set its times");
}

void apply_attributes_at(int dir_fd, const std::string& name, bool is_symlink, const Attributes& attributes,
                         const Ownership& ownership, Tally& tally) {
  if (needs_chown(attributes, ownership, tally) &&
      ::fchownat(dir_fd, name.c_str(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) < 0) {
    throw system_error(cat("chown to ", attributes.uid, ":", attributes.gid));
  }
  // A link has no mode; what else comes here was made by us and by nobody else, and is not a link.
  if (!is_symlink && ::fchmodat(dir_fd, name.c_str(), attributes.mode, 0) < 0) throw system_error("chmod");
  if (!attributes.xattrs.empty()) {
    // No call sets an xattr by directory and name: by the kernel's own link to what is open, which it does
    // not follow any further.
    const UniqueFd file = open_at(dir_fd, name, O_PATH | O_NOFOLLOW);
    const std::string link = cat("/proc/self/fd/", file.get());
    apply_xattrs(file.get(), attributes, tally, [&](const char* xattr, const std::string& value) {
      return ::setxattr(link.c_str(), xattr, value.data(), value.size(), 0);
    });
  }
  const timespec times[] = {attributes.mtime, attributes.mtime};
  if (::utimensat(dir_fd, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0) throw system_error("set its times");
}

}  // namespace rocker
