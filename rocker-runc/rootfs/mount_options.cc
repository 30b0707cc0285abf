#include "rocker-runc/rootfs/mount_options.hh"

#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>
#include <string_view>

#include "rocker-runc/rootfs/libmount.hh"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace rocker::rootfs {

namespace {

enum class Kind {
  attribute,    // set `bits`, clear `clears`; with an "r" before its name also recursively
  superblock,   // told to the file system as it is
  propagation,  // MS_* in bits
  ignored,      // what the kernel's mount API has no notion of and mount(8) hides: messages, defaults
  bind,
  rbind,
  remount,
  copy_up,
  idmap,
  ridmap,
};

struct Entry {
  std::string_view name;
  Kind kind;
  std::uint64_t bits = 0;
  std::uint64_t clears = 0;
};

// The access-time modes are one field of the attributes: setting one means clearing the field first.
constexpr std::uint64_t atime = MOUNT_ATTR__ATIME;

constexpr Entry table[] = {
    {"async", Kind::superblock},
    {"atime", Kind::attribute, MOUNT_ATTR_RELATIME, atime},
    {"bind", Kind::bind},
    {"defaults", Kind::ignored},
    {"dev", Kind::attribute, 0, MOUNT_ATTR_NODEV},
    {"diratime", Kind::attribute, 0, MOUNT_ATTR_NODIRATIME},
    {"dirsync", Kind::superblock},
    {"exec", Kind::attribute, 0, MOUNT_ATTR_NOEXEC},
    {"idmap", Kind::idmap},
    {"iversion", Kind::ignored},
    {"lazytime", Kind::superblock},
    {"loud", Kind::ignored},
    {"mand", Kind::ignored},
    {"noatime", Kind::attribute, MOUNT_ATTR_NOATIME, atime},
    {"nodev", Kind::attribute, MOUNT_ATTR_NODEV, 0},
    {"nodiratime", Kind::attribute, MOUNT_ATTR_NODIRATIME, 0},
    {"noexec", Kind::attribute, MOUNT_ATTR_NOEXEC, 0},
    {"noiversion", Kind::ignored},
    {"nolazytime", Kind::superblock},
    {"nomand", Kind::ignored},
    {"norelatime", Kind::attribute, MOUNT_ATTR_RELATIME, atime},
    {"nostrictatime", Kind::attribute, MOUNT_ATTR_RELATIME, atime},
    {"nosuid", Kind::attribute, MOUNT_ATTR_NOSUID, 0},
    {"nosymfollow", Kind::attribute, MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"private", Kind::propagation, MS_PRIVATE},
    {"rbind", Kind::rbind},
    {"relatime", Kind::attribute, MOUNT_ATTR_RELATIME, atime},
    {"remount", Kind::remount},
    {"ridmap", Kind::ridmap},
    {"ro", Kind::attribute, MOUNT_ATTR_RDONLY, 0},
    {"rprivate", Kind::propagation, MS_PRIVATE | MS_REC},
    {"rshared", Kind::propagation, MS_SHARED | MS_REC},
    {"rslave", Kind::propagation, MS_SLAVE | MS_REC},
    {"runbindable", Kind::propagation, MS_UNBINDABLE | MS_REC},
    {"rw", Kind::attribute, 0, MOUNT_ATTR_RDONLY},
    {"shared", Kind::propagation, MS_SHARED},
    {"silent", Kind::ignored},
    {"slave", Kind::propagation, MS_SLAVE},
    {"strictatime", Kind::attribute, MOUNT_ATTR_STRICTATIME, atime},
    {"suid", Kind::attribute, 0, MOUNT_ATTR_NOSUID},
    {"symfollow", Kind::attribute, 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"sync", Kind::superblock},
    {"tmpcopyup", Kind::copy_up},
    {"unbindable", Kind::propagation, MS_UNBINDABLE},
};

const Entry* find(std::string_view name) {
  const auto* entry = std::lower_bound(std::begin(table), std::end(table), name,
                                       [](const Entry& e, std::string_view n) { return e.name < n; });
  return entry != std::end(table) && entry->name == name ? entry : nullptr;
}

// "rnosuid" is the recursive "nosuid"; "rbind" and "rprivate" have entries of their own and come first.
const Entry* find_recursive(std::string_view name) {
  if (!name.starts_with('r')) return nullptr;
  const Entry* entry = find(name.substr(1));
  return entry != nullptr && entry->kind == Kind::attribute ? entry : nullptr;
}

// Several options of a file system in one string, as mount(2) takes them: "size=1m,mode=700". A comma in
// quotes (SELinux's categories) or behind a backslash (overlayfs) is part of a value.
std::vector<std::string> split_data(std::string_view data) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == '"') quoted = !quoted;
    if (data[i] == ',' && !quoted) {
      parts.emplace_back();
      continue;
    }
    parts.back() += data[i];
    if (data[i] == '\\' && i + 1 < data.size()) parts.back() += data[++i];
  }
  std::erase(parts, "");
  return parts;
}

}  // namespace

bool MountOptions::readonly() const {
  return ((set | recursive_set) & MOUNT_ATTR_RDONLY) != 0;
}

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions out;
  const auto apply = [](const Entry& entry, std::uint64_t& set, std::uint64_t& clear) {
    // A later option wins over an earlier one.
    set = (set & ~entry.clears) | entry.bits;
    clear = (clear & ~entry.bits) | entry.clears;
  };
  for (const auto& option : options) {
    if (const Entry* entry = find(option)) {
      switch (entry->kind) {
        case Kind::attribute: apply(*entry, out.set, out.clear); break;
        case Kind::superblock: out.filesystem.push_back(option); break;
        case Kind::propagation: out.propagation.push_back(entry->bits); break;
        case Kind::ignored: break;
        case Kind::bind: out.bind = true; break;
        case Kind::rbind: out.bind = out.recursive = true; break;
        case Kind::remount: out.remount = true; break;
        case Kind::copy_up: out.copy_up = true; break;
        case Kind::idmap: out.idmap = MountOptions::IdMap::here; break;
        case Kind::ridmap: out.idmap = MountOptions::IdMap::recursive; break;
      }
    } else if (const Entry* recursive = find_recursive(option)) {
      apply(*recursive, out.recursive_set, out.recursive_clear);
    } else if (!option.empty() && !is_userspace_option(option)) {
      for (auto& part : split_data(option)) out.filesystem.push_back(std::move(part));
    }
  }
  return out;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> names;
  for (const auto& entry : table) {
    names.emplace_back(entry.name);
    if (entry.kind == Kind::attribute) names.push_back("r" + std::string(entry.name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace rocker::rootfs
