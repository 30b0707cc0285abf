#include "spec/support/safe_path.hh"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <vector>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

UniqueFd try_open_in_root(int root_fd, std::string_view path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<__u64>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string name(path.empty() ? "." : path);
  // EAGAIN: something was renamed while the kernel looked at "..", so that it could not be sure; openat2(2)
  // asks to try again. Bounded, since whoever owns the root could rename for ever.
  for (int tries = 0; tries < 256; ++tries) {
    const long fd = ::syscall(SYS_openat2, root_fd, name.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return UniqueFd();
}

UniqueFd try_open_regular_in_root(int root_fd, std::string_view path) {
  const UniqueFd handle = try_open_in_root(root_fd, path, O_PATH);
  struct stat st {};
  if (!handle || ::fstat(handle.get(), &st) < 0) return UniqueFd();
  if (!S_ISREG(st.st_mode)) {
    errno = ENODEV;
    return UniqueFd();
  }
  // The kernel's own link to what was looked at: it can't be another file by now.
  return UniqueFd(::open(cat("/proc/self/fd/", handle.get()).c_str(), O_RDONLY | O_CLOEXEC));
}

UniqueFd open_in_root(int root_fd, std::string_view path, int flags, mode_t mode) {
  UniqueFd fd = try_open_in_root(root_fd, path, flags, mode);
  if (!fd) throw system_error(cat("open ", printable(path)));
  return fd;
}

namespace {

constexpr int most_links = 40;  // as the kernel has it (path_resolution(7))

std::string read_link(int dir_fd, const std::string& name, std::string_view path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(dir_fd, name.c_str(), target, sizeof target);
  if (length < 0) throw system_error(cat("readlink ", printable(path)));
  return std::string(target, static_cast<std::size_t>(length));
}

UniqueFd make_directories(int root_fd, std::string_view path, mode_t mode, int links) {
  // The common case: it is all there.
  if (UniqueFd whole = try_open_in_root(root_fd, path, O_PATH | O_DIRECTORY)) return whole;
  if (errno != ENOENT) throw system_error(cat("open ", printable(path)));

  std::string done;
  UniqueFd here = open_in_root(root_fd, ".", O_PATH | O_DIRECTORY);
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    // Each prefix is resolved from the root again: a link in the middle may lead anywhere inside it.
    const std::string next_path = cat(done, "/", part);
    UniqueFd next = try_open_in_root(root_fd, next_path, O_PATH | O_DIRECTORY);
    if (!next && errno == ENOENT) {
      if (part == "..") throw system_error(cat("open ", printable(next_path)), ENOENT);
      const std::string name(part);
      if (::mkdirat(here.get(), name.c_str(), mode) < 0) {
        if (errno != EEXIST) throw system_error(cat("mkdir ", printable(next_path)));
        next = try_open_in_root(root_fd, next_path, O_PATH | O_DIRECTORY);
        if (!next && errno == ENOENT) {
          // A link whose target is missing, like /var/run to an empty /run's: the target is made.
          if (links == 0) throw system_error(cat("open ", printable(next_path)), ELOOP);
          const std::string target = read_link(here.get(), name, next_path);
          make_directories(root_fd, target.starts_with('/') ? target : cat(done, "/", target), mode,
                           links - 1);
        }
      }
      next = try_open_in_root(root_fd, next_path, O_PATH | O_DIRECTORY);
    }
    if (!next) throw system_error(cat("open ", printable(next_path)));
    here = std::move(next);
    done = next_path;
  }
  return here;
}

}  // namespace

UniqueFd make_directories_in_root(int root_fd, std::string_view path, mode_t mode) {
  return make_directories(root_fd, path, mode, most_links);
}

UniqueFd make_file_in_root(int root_fd, std::string_view path, mode_t mode) {
  std::string place(path);
  for (int links = 0; links < most_links; ++links) {
    if (UniqueFd found = try_open_in_root(root_fd, place, O_PATH)) return found;
    if (errno != ENOENT) throw system_error(cat("open ", printable(path)));
    const Parent parent = open_parent_in_root(root_fd, place, true);
    const UniqueFd made(
        ::openat(parent.dir.get(), parent.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (made) return open_at(parent.dir.get(), parent.name, O_PATH | O_NOFOLLOW);
    if (errno != EEXIST) throw system_error(cat("make ", printable(path)));
    // A link whose target is missing: the target is made.
    const std::string target = read_link(parent.dir.get(), parent.name, path);
    place = target.starts_with('/') ? target : cat(place.substr(0, place.rfind('/') + 1), target);
  }
  throw system_error(cat("open ", printable(path)), ELOOP);
}

Parent open_parent_in_root(int root_fd, std::string_view path, bool make, mode_t mode) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  const std::string_view dir = slash == std::string_view::npos ? "." : path.substr(0, slash + 1);
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    throw Error(cat("\"", printable(path), "\" does not end in the name of a file"), EINVAL);
  }
  Parent parent;
  parent.dir =
      make ? make_directories_in_root(root_fd, dir, mode) : open_in_root(root_fd, dir, O_PATH | O_DIRECTORY);
  parent.name = std::string(name);
  return parent;
}

}  // namespace rocker
