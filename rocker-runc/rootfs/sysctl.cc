#include "rocker-runc/rootfs/sysctl.hh"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

constexpr std::string_view ipc_keys[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                         "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                         "kernel.shmmni", "kernel.shm_rmid_forced"};

// sysctl(8): the first separator says which of "." and "/" is one; the other is then an ordinary character,
// written as the separator in the path ("net.ipv4.conf.eth0/100.forwarding").
std::string with_dots(const std::string& key) {
  const auto first = key.find_first_of("./");
  if (first == std::string::npos || key[first] == '.') return key;
  std::string out = key;
  for (char& c : out) c = c == '/' ? '.' : c == '.' ? '/' : c;
  return out;
}

std::string path_of(const std::string& dotted) {
  std::string out = dotted;
  for (char& c : out) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return out;
}

}  // namespace

bool has_own(const spec::Linux& linux_part, spec::NamespaceType type) {
  const auto* entry = linux_part.find(type);
  if (entry == nullptr || entry->path.empty()) return entry != nullptr;
  // The files of /proc/PID/ns are named as in config.json, but for one.
  const std::string_view file = type == spec::NamespaceType::network ? "net" : name(type);
  struct stat theirs {
  }, ours{};
  return ::stat(entry->path.c_str(), &theirs) < 0 || ::stat(cat("/proc/self/ns/", file).c_str(), &ours) < 0 ||
         theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino;
}

WriteSysctl plan_sysctl(const std::string& key, const std::string& value, const spec::Linux& linux_part) {
  const std::string dotted = with_dots(key);
  const auto refuse = [&](std::string_view why) {
    return Error(cat("config.json: /linux/sysctl: \"", printable(key), "\" ", why));
  };
  const auto needs = [&](spec::NamespaceType type) {
    if (!has_own(linux_part, type)) {
      throw refuse(cat("would change the host: the container has no ", name(type), " namespace of its own"));
    }
  };
  if (dotted.starts_with("net.")) {
    needs(spec::NamespaceType::network);
  } else if (dotted.starts_with("fs.mqueue.") ||
             std::find(std::begin(ipc_keys), std::end(ipc_keys), dotted) != std::end(ipc_keys)) {
    needs(spec::NamespaceType::ipc);
  } else if (dotted == "kernel.domainname") {
    needs(spec::NamespaceType::uts);
  } else if (dotted == "kernel.hostname") {
    throw refuse("is set by the member \"hostname\"");
  } else if (dotted.starts_with("user.")) {
    needs(spec::NamespaceType::user);
  } else {
    throw refuse("is not in a namespace of the kernel's, it would change the host");
  }
  return {key, path_of(dotted), value};
}

void write_sysctl(int proc_fd, const WriteSysctl& step) {
  open_how how{};
  how.flags = O_WRONLY | O_CLOEXEC;
  // No link and no other mount on the way: what is written is the kernel's own file.
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const std::string path = cat("sys/", step.path);
  const UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, proc_fd, path.c_str(), &how, sizeof how)));
  if (!fd) throw system_error(cat("open /proc/", printable(path)));
  if (::write(fd.get(), step.value.data(), step.value.size()) < 0) {
    throw system_error(cat("write \"", printable(step.value), "\" to /proc/", printable(path)));
  }
}

}  // namespace rocker::rootfs
