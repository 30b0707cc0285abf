#include "rocker-runc/sys/self.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rocker-runc/sys/mount.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"

namespace rocker::sys {

namespace {

constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool is_protected(int exe) {
  struct statvfs fs {};
  if (::fstatvfs(exe, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0) return true;
  const int seals = ::fcntl(exe, F_GET_SEALS);
  return seals >= 0 && (seals & all_seals) == all_seals;
}

// A read-only bind mount that is attached nowhere: the container can't name it, remount it or outlive it.
UniqueFd read_only_view() {
  UniqueFd tree = try_clone_tree(AT_FDCWD, "/proc/self/exe", false);
  if (!tree) return tree;
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_RDONLY;
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attr, sizeof attr) < 0) tree.reset();
  return tree;
}

// Without the right to mount (rootless): a sealed copy in memory.
UniqueFd sealed_copy(int exe) {
  UniqueFd copy(::memfd_create("rocker-runc", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  struct stat st {};
  if (!copy || ::fstat(exe, &st) < 0) throw system_error("copy the runtime's own binary");
  for (off_t left = st.st_size; left > 0;) {
    const ssize_t sent = ::sendfile(copy.get(), exe, nullptr, static_cast<std::size_t>(left));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw system_error("copy the runtime's own binary");
    left -= sent;
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, all_seals) < 0) throw system_error("seal the runtime's own binary");
  return copy;
}

}  // namespace

void protect_own_binary(char** argv) {
  const UniqueFd exe = open_path("/proc/self/exe", O_RDONLY);
  if (is_protected(exe.get())) {
    // execveat names the process after its descriptor's number.
    ::prctl(PR_SET_NAME, "rocker-runc");
    return;
  }
  UniqueFd safe = read_only_view();
  if (!safe) safe = sealed_copy(exe.get());
  ::syscall(SYS_execveat, safe.get(), "", argv, environ, AT_EMPTY_PATH);
  throw system_error("run the runtime from a read-only view of its binary");
}

}  // namespace rocker::sys
