#include "rocker-image/bundle/idmapped.hh"

#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/thread.hh"

namespace rocker::bundle {

namespace {

void write_map(pid_t pid, const char* name, const std::vector<spec::IdMapping>& mappings) {
  const std::string path = cat("/proc/", pid, "/", name);
  std::string map;
  for (const auto& line : mappings) map += cat(line.container_id, " ", line.host_id, " ", line.size, "\n");
  const UniqueFd file = open_path(path, O_WRONLY);
  // In one write(2): the kernel takes no second one.
  if (::write(file.get(), map.data(), map.size()) == static_cast<ssize_t>(map.size())) return;
  Error error = system_error(cat("map the IDs from ", mappings[0].host_id, " on to a container"));
  if (errno == EPERM) error.hint("this user namespace has not got them: see /proc/self/uid_map");
  throw error;
}

}  // namespace

std::vector<spec::IdMapping> UserRange::layer_mappings() const {
  // The kernel's last ID is 2^32 - 2.
  constexpr std::uint32_t end = 0xffffffff;
  std::vector<spec::IdMapping> all = mappings();
  if (first > size) all.push_back({size, size, first - size});
  const std::uint32_t behind = std::max(size, first + size);
  if (behind < end) all.push_back({behind, behind, end - behind});
  return all;
}

UniqueFd make_user_namespace(UserRange range) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const auto child =
      static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child < 0) {
    Error error = system_error("make a user namespace");
    if (errno == ENOSPC) error.hint("sysctl user.max_user_namespaces allows no more of them");
    throw error;
  }
  if (child == 0) {
    // It has to live until its namespace is open: until the pipe's other end is closed.
    char byte = 0;
    ::close(writer.get());
    (void)!::read(reader.get(), &byte, 1);
    ::_exit(0);
  }
  const Defer reap([&] {
    writer.reset();
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  });
  write_map(child, "gid_map", range.layer_mappings());
  write_map(child, "uid_map", range.layer_mappings());
  return open_path(cat("/proc/", child, "/ns/user"), O_RDONLY);
}

UniqueFd idmapped_tree(const std::string& path, int user_namespace, bool recursive) {
  const unsigned below = recursive ? AT_RECURSIVE : 0;
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | below));
  if (!tree) throw system_error(cat("open_tree ", printable(path)));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(user_namespace);
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return tree;
  Error error = system_error(cat("idmapped mount of ", printable(path)));
  if (error.errno_value() == ENOSYS)
    error.hint("the kernel has none: it takes Linux 5.12, and 5.19 for an overlay");
  if (error.errno_value() == EINVAL) {
    error.hint(
        "its file system has none: ext4, xfs, btrfs and, from Linux 6.3 on, tmpfs are among those that do");
  }
  if (error.errno_value() == EPERM)
    error.hint("it is an idmapped mount already, or this is not the host's root");
  throw error;
}

void with_idmapped(const std::vector<std::string>& folders, UserRange range,
                   const std::function<void()>& fn) {
  const UniqueFd user_namespace = make_user_namespace(range);
  std::exception_ptr problem;
  std::thread thread = start_thread([&] {
    try {
      // For this thread alone: namespace, file system IDs and the rights that go with them.
      if (::unshare(CLONE_NEWNS) < 0) throw system_error("make a mount namespace");
      if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
        throw system_error("make the mounts private");
      for (const auto& folder : folders) {
        const UniqueFd tree = idmapped_tree(folder, user_namespace.get());
        if (::move_mount(tree.get(), "", AT_FDCWD, folder.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0)
          throw system_error(cat("mount ", printable(folder), " on itself"));
      }
      // capabilities(7): else the capabilities over files go with the user ID 0.
      if (::prctl(PR_SET_SECUREBITS, ::prctl(PR_GET_SECUREBITS) | SECBIT_NO_SETUID_FIXUP) < 0)
        throw system_error("keep the capabilities of root");
      ::setfsgid(range.first);
      ::setfsuid(range.first);
      fn();
    } catch (...) {
      problem = std::current_exception();
    }
  });
  thread.join();
  if (problem) std::rethrow_exception(problem);
}

}  // namespace rocker::bundle
