#include "rocker-image/bundle/rootfs.hh"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vector>

#include "rocker-image/attributes.hh"
#include "rocker-image/walk.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

extern char** environ;

namespace rocker::bundle {

namespace {

std::string rootfs_of(const std::string& directory) {
  return cat(directory, "/rootfs");
}

void copy_xattrs(int from, int to) {
  for (const auto& [name, value] : read_xattrs(from)) {
    // Those of overlayfs would change what the upper layer means.
    if (name.starts_with("trusted.overlay.")) continue;
    if (::fsetxattr(to, name.c_str(), value.data(), value.size(), 0) < 0) {
      throw system_error(cat("copy the attribute ", printable(name), " of the image's root"));
    }
  }
}

// A path as one of overlayfs' options. "lowerdir" takes ':' for a separator and '\' for an escape, and older
// kernels cut every option at a ','; a path with one of these is given by its descriptor, which has to stay
// open until the mount is made.
std::string option_path(const std::string& path, std::vector<UniqueFd>& keep) {
  if (path.find_first_of(":,\\") == std::string::npos) return path;
  keep.push_back(open_path(path, O_PATH | O_DIRECTORY));
  return cat("/proc/self/fd/", keep.back().get());
}

// What the kernel has to say about a failed call on a file system context: the last line of its log.
std::string kernel_says(int context) {
  std::string last;
  char line[512];
  for (ssize_t got; (got = ::read(context, line, sizeof line)) > 0;) {
    last.assign(line, static_cast<std::size_t>(got));
    if (last.size() > 2 && last[1] == ' ') last.erase(0, 2);
  }
  return std::string(trim(last));
}

}  // namespace

void make_layer_directories(const Layers& layers) {
  struct stat st {};
  const UniqueFd image = open_path(layers.image, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (::fstat(image.get(), &st) < 0) throw system_error(cat("stat ", layers.image));
  make_directories(rootfs_of(layers.directory), 0755);
  const std::string upper = cat(layers.directory, "/overlay/upper");
  make_directories(cat(layers.directory, "/overlay"), 0700);
  make_directories(upper, 0755);
  make_directories(cat(layers.directory, "/overlay/work"), 0700);
  const UniqueFd fd = open_path(upper, O_RDONLY | O_DIRECTORY);
  if (::fchown(fd.get(), st.st_uid, st.st_gid) < 0) throw system_error(cat("chown ", upper));
  if (::fchmod(fd.get(), st.st_mode & 07777) < 0) throw system_error(cat("chmod ", upper));
  copy_xattrs(image.get(), fd.get());
}

namespace {

void attach_rootfs(const UniqueFd& mount, const std::string& directory) {
  const std::string target = rootfs_of(directory);
  if (::move_mount(mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    throw system_error(cat("mount the root file system on ", target));
  }
}

// The overlay, detached; nothing when it can't be, and why.
UniqueFd make_overlay(const Layers& layers, std::string& why) {
  const UniqueFd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) {
    if (errno == ENODEV) {
      why = "this kernel has no overlayfs";
      return UniqueFd();
    }
    Error error = system_error("overlayfs");
    if (errno == EPERM) error.hint("mounting takes root");
    throw error;
  }
  std::vector<UniqueFd> keep;
  const auto set = [&](const char* key, const std::string& value) {
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) < 0) {
      const int failed = errno;
      throw system_error(
          cat("overlayfs: ", key, "=", printable(value), " (", kernel_says(context.get()), ")"), failed);
    }
  };
  set("source", "overlay");
  set("lowerdir", option_path(layers.image, keep));
  // overlayfs.rst, "Upper and lower": the upper file system must be writable and know trusted.* attributes.
  // Newer kernels say so here, older ones when the file system is made.
  const std::string upper = option_path(cat(layers.directory, "/overlay/upper"), keep);
  if (::fsconfig(context.get(), FSCONFIG_SET_STRING, "upperdir", upper.c_str(), 0) < 0) {
    if (errno != EINVAL) throw system_error(cat("overlayfs: upperdir=", printable(upper)));
    why = kernel_says(context.get());
    return UniqueFd();
  }
  set("workdir", option_path(cat(layers.directory, "/overlay/work"), keep));
  // Linux 5.10; an older kernel writes what nobody will read.
  if (layers.throw_away) ::fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    const int failed = errno;
    const std::string said = kernel_says(context.get());
    if (failed == EINVAL || failed == EOPNOTSUPP || failed == ENODEV) {
      why = said.empty() ? cat("the file system of ", layers.directory, " can't carry an upper layer") : said;
      return UniqueFd();
    }
    throw system_error(
        cat("mount the overlay on ", rootfs_of(layers.directory), said.empty() ? "" : cat(" (", said, ")")),
        failed);
  }
  // overlayfs gives a node of a layer as the layer has it, and what a container must not make it must not
  // find.
  UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, layers.users ? MOUNT_ATTR_NODEV : 0));
  if (!mount) throw system_error("fsmount of the overlay");
  return mount;
}

}  // namespace

bool mount_overlay(const Layers& layers, std::string& why) {
  UniqueFd mount;
  if (layers.users) {
    // Both in one mount: overlayfs wants it so of upper/ and work/.
    with_idmapped({layers.image, cat(layers.directory, "/overlay")}, *layers.users,
                  [&] { mount = make_overlay(layers, why); });
  } else {
    mount = make_overlay(layers, why);
  }
  if (!mount) return false;
  attach_rootfs(mount, layers.directory);
  return true;
}

void mount_idmapped_copy(const std::string& directory, UserRange users) {
  const UniqueFd user_namespace = make_user_namespace(users);
  const UniqueFd tree = idmapped_tree(rootfs_of(directory), user_namespace.get());
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NODEV;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    throw system_error("mount_setattr");
  attach_rootfs(tree, directory);
}

void copy_rootfs(const Layers& layers) {
  const std::string target = rootfs_of(layers.directory);
  const std::string source = cat(layers.image, "/.");
  const char* argv[] = {"cp", "-a", "--reflink=auto", "--", source.c_str(), target.c_str(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, "cp", nullptr, nullptr, const_cast<char**>(argv), environ);
  if (failed != 0) throw system_error("start cp", failed);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw system_error("wait for cp");
  }
  if (status != 0)
    throw Error(cat("could not copy ", layers.image, " to ", target)).hint("is the disk full?");
}

bool is_mounted(const std::string& directory) {
  struct statx here {};
  // Linux 5.8 tells by an attribute; no table of mounts has to be read.
  if (::statx(AT_FDCWD, rootfs_of(directory).c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE,
              &here) < 0) {
    return false;
  }
  return (here.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void unmount_rootfs(const std::string& directory, InUse in_use) {
  const std::string target = rootfs_of(directory);
  // A loop: what a crash left may lie over another mount.
  while (is_mounted(directory)) {
    if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) continue;
    if (errno == EBUSY && in_use == InUse::refuse) {
      throw system_error(cat("unmount ", printable(target)))
          .hint("a process or a container is in it; --force takes it away all the same");
    }
    if (errno == EBUSY && ::umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) continue;
    if (errno == EINVAL || errno == ENOENT) return;
    throw system_error(cat("unmount ", printable(target)));
  }
}

bool upper_layer_is_used(const std::string& directory) {
  const UniqueFd upper(
      ::open(cat(directory, "/overlay/upper").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return upper && !names_in_folder(upper.get()).empty();
}

}  // namespace rocker::bundle
