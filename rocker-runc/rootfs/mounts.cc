#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>

#include "rocker-runc/rootfs/carry_out.hh"
#include "rocker-runc/rootfs/copy_up.hh"
#include "rocker-runc/sys/mount.hh"
#include "spec/support/error.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

// Files of procfs over which a bind mount is an old habit (lxcfs); any other mount inside /proc could make
// the runtime write somewhere else than it believes (CVE-2019-16884).
constexpr std::string_view bindable_in_proc[] = {"/proc/cpuinfo",
                                                 "/proc/diskstats",
                                                 "/proc/loadavg",
                                                 "/proc/meminfo",
                                                 "/proc/net/dev",
                                                 "/proc/slabinfo",
                                                 "/proc/stat",
                                                 "/proc/swaps",
                                                 "/proc/uptime",
                                                 "/proc/version",
                                                 "/proc/sys/kernel/ns_last_pid",
                                                 "/proc/sys/crypto/fips_enabled"};

void refuse_inside_proc(int target, const std::string& destination) {
  struct statfs fs {};
  if (::fstatfs(target, &fs) < 0) throw system_error(cat("statfs ", destination));
  if (fs.f_type != PROC_SUPER_MAGIC) return;
  if (std::find(std::begin(bindable_in_proc), std::end(bindable_in_proc), destination) !=
      std::end(bindable_in_proc)) {
    return;
  }
  throw Error(cat("mount on ", destination, ": it is inside /proc"))
      .hint("only a few files of procfs may be mounted over, as by lxcfs");
}

// proc, sysfs and /dev are where the runtime itself writes and makes nodes: a link in an image's place of
// them would let the image choose where (CVE-2019-19921).
void refuse_links(const Context& context, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
  const UniqueFd fd(
      static_cast<int>(::syscall(SYS_openat2, context.root.get(), path.c_str(), &how, sizeof how)));
  if (!fd && errno == ELOOP) {
    throw Error(
        cat("mount on ", path, ": it is a symbolic link in the root file system, expected a directory"));
  }
}

void attach_at(const UniqueFd& mount, const UniqueFd& target, const std::string& destination) {
  try {
    sys::attach(mount.get(), target.get());
  } catch (Error& error) {
    struct stat source {
    }, place{};
    if (::fstat(mount.get(), &source) == 0 && ::fstat(target.get(), &place) == 0 &&
        S_ISDIR(source.st_mode) != S_ISDIR(place.st_mode)) {
      throw Error(cat("mount on ", destination, ": ",
                      S_ISDIR(source.st_mode) ? "the source is a directory and the target is not"
                                              : "the target is a directory and the source is not"),
                  ENOTDIR);
    }
    throw error.context(cat("mount on ", destination));
  }
}

void set_propagation(const UniqueFd& mount, const MountOptions& options) {
  for (const unsigned long flags : options.propagation) {
    sys::MountAttributes attributes;
    attributes.propagation = flags & ~static_cast<unsigned long>(MS_REC);
    sys::set_attributes(mount.get(), attributes, (flags & MS_REC) != 0);
  }
}

void set_flags(const UniqueFd& mount, const MountOptions& options) {
  sys::MountAttributes here{options.set, options.clear, 0, -1};
  if (!here.empty()) {
    try {
      sys::set_attributes(mount.get(), here, false);
    } catch (Error& error) {
      if (error.errno_value() == EPERM && options.clear != 0) {
        error.hint("the source's mount has flags that a user namespace may not take away");
      }
      throw;
    }
  }
  sys::MountAttributes below{options.recursive_set, options.recursive_clear, 0, -1};
  if (!below.empty()) sys::set_attributes(mount.get(), below, true);
}

}  // namespace

UniqueFd open_target(const Context& context, const std::string& path, bool directory) {
  const int root = context.root.get();
  UniqueFd target =
      directory ? make_directories_in_root(root, path, 0755) : make_file_in_root(root, path, 0755);
  refuse_inside_proc(target.get(), path);
  return target;
}

void carry_out(BindMount& step, Context& context) {
  UniqueFd tree = std::move(step.tree);
  if (!tree) {
    tree = sys::clone_tree(AT_FDCWD, step.source, step.options.recursive);
    struct stat st {};
    if (::fstat(tree.get(), &st) < 0) throw system_error(cat("stat ", step.source));
    if (st.st_dev != step.device || st.st_ino != step.inode) {
      throw Error(cat("source ", step.source, ": was replaced by something else meanwhile"));
    }
  }
  // What is copied from the host's tree must not carry mounts back to it, unless that is asked for: "shared"
  // (a volume plugin that mounts for others) leaves it in the peer group of its source.
  const auto& asked = step.options.propagation;
  if (std::none_of(asked.begin(), asked.end(),
                   [](unsigned long flags) { return (flags & MS_SHARED) != 0; })) {
    sys::MountAttributes base;
    base.propagation = MS_SLAVE;
    sys::set_attributes(tree.get(), base, true);
  }
  with_context([&] { return cat("bind ", step.source, " on ", step.destination); },
               [&] { set_flags(tree, step.options); });
  set_propagation(tree, step.options);
  const UniqueFd target = open_target(context, step.destination, step.is_directory);
  attach_at(tree, target, step.destination);
}

static UniqueFd new_mount(const std::string& type, const std::string& source, const MountOptions& options,
                          bool writable_for_now) {
  sys::NewFilesystem fs(type);
  if (!source.empty()) fs.set_source(source);
  std::uint64_t attributes = options.set | options.recursive_set;
  if (writable_for_now) attributes &= ~static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY);
  for (const auto& option : options.filesystem) fs.set_option(option);
  // The superblock of a disk has to know; procfs, sysfs and cgroupfs share theirs with the host.
  const bool shared = type == "proc" || type == "sysfs" || type.starts_with("cgroup") || type == "mqueue";
  if ((attributes & MOUNT_ATTR_RDONLY) != 0 && !shared) fs.set_option("ro");
  return fs.create(attributes);
}

void carry_out(NewMount& step, Context& context) {
  if (step.type == "proc" || step.type == "sysfs" || step.destination == "/dev") {
    refuse_links(context, step.destination);
  }
  const UniqueFd target = step.type == "proc"
                              ? make_directories_in_root(context.root.get(), step.destination, 0755)
                              : open_target(context, step.destination, true);
  UniqueFd mount;
  try {
    mount = new_mount(step.type, step.source, step.options, step.late_readonly || step.options.copy_up);
  } catch (Error& error) {
    if (step.type == "sysfs" && context.user_namespace && error.errno_value() == EPERM) {
      // A new sysfs shows the network namespace and needs rights over it, which a user namespace with the
      // host's network has not. The host's own sysfs, read-only, is what it may have.
      mount = sys::clone_tree(AT_FDCWD, "/sys", true);
      MountOptions host = step.options;
      host.set |= MOUNT_ATTR_RDONLY;
      set_flags(mount, host);
    } else {
      if (step.type == "proc" && context.user_namespace && error.errno_value() == EPERM)
        error.hint("a user namespace may mount it for a pid namespace of its own only: bind /proc instead");
      throw error.context(cat("mount ", step.type, " on ", step.destination));
    }
  }
  if (step.options.copy_up) {
    with_context([&] { return cat("tmpcopyup of ", step.destination); },
                 [&] { copy_up(target.get(), mount.get()); });
    if (step.options.readonly() && !step.late_readonly) {
      sys::set_attributes(mount.get(), {MOUNT_ATTR_RDONLY, 0, 0, -1}, false);
    }
  }
  set_propagation(mount, step.options);
  attach_at(mount, target, step.destination);
}

void carry_out(CgroupMount& step, Context& context) {
  const UniqueFd target = open_target(context, step.destination, true);
  UniqueFd mount = std::move(step.tree);
  if (mount) {
    set_flags(mount, step.options);
  } else {
    MountOptions options = step.options;
    options.filesystem = step.filesystem_options;
    mount = with_context([&] { return cat("mount ", step.type, " on ", step.destination); },
                         [&] { return new_mount(step.type, step.type, options, false); });
  }
  set_propagation(mount, step.options);
  attach_at(mount, target, step.destination);
}

void carry_out(Remount& step, Context& context) {
  const UniqueFd target = open_in_root(context.root.get(), step.destination, O_PATH);
  struct statx st {};
  if (::statx(target.get(), "", AT_EMPTY_PATH, 0, &st) == 0 &&
      (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT & ~st.stx_attributes) != 0) {
    throw Error(cat("remount ", step.destination, ": there is no mount"), EINVAL);
  }
  with_context(
      [&] { return cat("remount ", step.destination); },
      [&] {
        set_flags(target, step.options);
        set_propagation(target, step.options);
        if (step.options.bind || step.options.filesystem.empty()) return;
        // Options of the file system itself: a reconfiguration of its superblock (fspick(2)).
        const UniqueFd picked(
            static_cast<int>(::syscall(SYS_fspick, target.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH)));
        if (!picked) throw system_error("fspick");
        for (const auto& option : step.options.filesystem) {
          const auto equals = option.find('=');
          const std::string key = option.substr(0, equals);
          const char* value = equals == std::string::npos ? nullptr : option.c_str() + equals + 1;
          if (::syscall(SYS_fsconfig, picked.get(), value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                        key.c_str(), value, 0) < 0) {
            throw system_error(cat("option \"", printable(option), "\""));
          }
        }
        if (::syscall(SYS_fsconfig, picked.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) < 0) {
          throw system_error("reconfigure");
        }
      });
}

}  // namespace rocker::rootfs
