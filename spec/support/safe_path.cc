#include "spec/support/safe_path.hh"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <vector>

#include "spec/support/error.hh"
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

UniqueFd open_in_root(int root_fd, std::string_view path, int flags, mode_t mode) {
  UniqueFd fd = try_open_in_root(root_fd, path, flags, mode);
  if (!fd) throw system_error(cat("open ", printable(path)));
  return fd;
}

UniqueFd make_directories_in_root(int root_fd, std::string_view path, mode_t mode) {
  // The common case: it is all there.
  if (UniqueFd whole = try_open_in_root(root_fd, path, O_PATH | O_DIRECTORY)) return whole;
  if (errno != ENOENT) throw system_error(cat("open ", printable(path)));

  // Seldom more than the last part is missing. Each prefix is resolved from the root again: a link in the
  // middle may lead anywhere inside it.
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  const std::string_view up = slash == std::string_view::npos ? "." : path.substr(0, slash + 1);
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  // Nothing can be made under these names; where they lead does not exist.
  if (last.empty() || last == "." || last == "..") throw system_error(cat("open ", printable(path)), ENOENT);
  const UniqueFd parent = make_directories_in_root(root_fd, up, mode);
  if (::mkdirat(parent.get(), std::string(last).c_str(), mode) < 0 && errno != EEXIST) {
    throw system_error(cat("mkdir ", printable(path)));
  }
  UniqueFd made = try_open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
  if (!made) throw system_error(cat("open ", printable(path)));
  return made;
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
