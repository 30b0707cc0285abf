#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "rocker-runc/rootfs/steps.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

std::string flags_of(const MountOptions& o) {
  std::vector<std::string> words;
  const auto attributes = [&](std::uint64_t set, std::uint64_t clear, const char* prefix) {
    struct Name {
      std::uint64_t bit;
      const char *on, *off;
    };
    for (const auto& [bit, on, off] :
         {Name{MOUNT_ATTR_RDONLY, "ro", "rw"}, Name{MOUNT_ATTR_NOSUID, "nosuid", "suid"},
          Name{MOUNT_ATTR_NODEV, "nodev", "dev"}, Name{MOUNT_ATTR_NOEXEC, "noexec", "exec"},
          Name{MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"}}) {
      if (set & bit) words.push_back(cat(prefix, on));
      if (clear & bit) words.push_back(cat(prefix, off));
    }
  };
  attributes(o.set, o.clear, "");
  attributes(o.recursive_set, o.recursive_clear, "r");
  for (const auto& option : o.filesystem) words.push_back(option);
  if (o.copy_up) words.emplace_back("tmpcopyup");
  if (o.idmap != MountOptions::IdMap::none) words.emplace_back("idmap");
  return words.empty() ? "" : cat(" (", join(words, ","), ")");
}

std::string text(const AttachRoot& s) {
  return cat(s.attach ? "attach root " : "open root ", s.path,
             s.attach && s.at_own_path ? " at its path" : "");
}
std::string text(const BindMount& s) {
  return cat(s.options.recursive ? "rbind " : "bind ", s.source, " on ", s.destination, flags_of(s.options));
}
std::string text(const NewMount& s) {
  return cat("mount ", s.type, " on ", s.destination, flags_of(s.options));
}
std::string text(const CgroupMount& s) {
  return cat("mount ", s.type, " on ", s.destination, flags_of(s.options));
}
std::string text(const Remount& s) {
  return cat("remount ", s.destination, flags_of(s.options));
}
std::string text(const MakeDevice& s) {
  if (!s.source.empty()) return cat("bind device ", s.source);
  return cat("make device ", s.path, " ", s.type, " ", major(s.number), ":", minor(s.number));
}
std::string text(const MakeLink& s) {
  return cat("link ", s.path, " to ", s.target);
}
std::string text(const RunHooks& s) {
  return cat("hooks", s.runtime ? " of the runtime" : "", s.container ? " of the container" : "");
}
std::string text(const Pivot& s) {
  return s.use_chroot ? "change root" : "pivot root";
}
std::string text(const ReadonlyRoot&) {
  return "make / read-only";
}
std::string text(const ReadonlyPath& s) {
  return cat("make ", s.path, " read-only");
}
std::string text(const MaskPath& s) {
  return cat("mask ", s.path);
}
std::string text(const RootPropagation& s) {
  const unsigned long kind = s.flags & ~static_cast<unsigned long>(MS_REC);
  return cat("make / ", (s.flags & MS_REC) != 0 ? "r" : "",
             kind == MS_SHARED    ? "shared"
             : kind == MS_SLAVE   ? "slave"
             : kind == MS_PRIVATE ? "private"
                                  : "unbindable");
}
std::string text(const WriteSysctl& s) {
  return cat("sysctl ", s.key, "=", s.value);
}
std::string text(const SetHostname& s) {
  return cat(s.domain ? "domainname " : "hostname ", s.name);
}

}  // namespace

std::string describe(const Step& step) {
  return std::visit([](const auto& action) { return text(action); }, step.action);
}

}  // namespace rocker::rootfs
