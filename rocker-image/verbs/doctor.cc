// doctor: what on this host hinders containers, each with the command that mends it.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

namespace {

class Report {
 public:
  void good(std::string_view what) { out_ += cat("ok       ", what, "\n"); }
  void note(std::string_view what, std::string_view mend) {
    out_ += cat("note     ", what, mend.empty() ? "" : cat("\n         mend it: ", mend), "\n");
  }
  void bad(std::string_view what, std::string_view mend) {
    out_ += cat("problem  ", what, mend.empty() ? "" : cat("\n         mend it: ", mend), "\n");
    ++problems_;
  }
  const std::string& text() const { return out_; }
  int problems() const { return problems_; }

 private:
  std::string out_;
  int problems_ = 0;
};

std::string read_line(const std::string& path) {
  try {
    return std::string(trim(read_file_if_exists(AT_FDCWD, path, 1 << 20).value_or("")));
  } catch (const Error&) {
    return {};
  }
}

bool in_path(std::string_view name) {
  const char* path = std::getenv("PATH");
  const auto folders = split(path != nullptr ? path : "", ':');
  return std::any_of(folders.begin(), folders.end(),
                     [&](std::string_view dir) { return ::access(cat(dir, "/", name).c_str(), X_OK) == 0; });
}

void check_user(Report& report) {
  if (::geteuid() == 0) return report.good("run by root");
  report.bad("not run by root: mounts, namespaces and cgroups take it", "sudo rocker ...");
}

void check_cgroups(Report& report) {
  const std::string controllers = read_line("/sys/fs/cgroup/cgroup.controllers");
  if (!controllers.empty()) {
    report.good(cat("cgroup v2: ", controllers));
    const std::string enabled = cat(" ", read_line("/sys/fs/cgroup/cgroup.subtree_control"), " ");
    for (const std::string_view name : {"cpu", "cpuset", "io", "memory", "pids"}) {
      if (cat(" ", controllers, " ").find(cat(" ", name, " ")) == std::string::npos) {
        report.bad(cat("the kernel has no cgroup controller ", name),
                   cat("boot without cgroup_disable=", name));
      } else if (enabled.find(cat(" ", name, " ")) == std::string::npos) {
        report.note(cat("the controller ", name, " is not delegated yet; rocker-runc does that"),
                    cat("echo +", name, " >/sys/fs/cgroup/cgroup.subtree_control"));
      }
    }
    return;
  }
  std::string found;
  for (const std::string_view name : {"cpu", "cpuset", "memory", "pids", "devices", "freezer", "blkio"}) {
    if (::access(cat("/sys/fs/cgroup/", name).c_str(), F_OK) == 0) {
      found += cat(" ", name);
    } else {
      report.bad(cat("the cgroup controller ", name, " is not mounted"),
                 cat("mkdir -p /sys/fs/cgroup/", name, " && mount -t cgroup -o ", name,
                     " cgroup /sys/fs/cgroup/", name));
    }
  }
  if (found.empty()) return;
  report.good(cat("cgroup v1:", found));
  if (::access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) != 0) {
    report.note("swap is not counted: --memory-swap has no effect", "boot with swapaccount=1");
  }
}

void check_store(Report& report, const std::string& root) {
  std::string path = root;
  while (path.size() > 1 && ::access(path.c_str(), F_OK) != 0)
    path = path.substr(0, std::max<std::size_t>(1, path.rfind('/')));
  struct statfs fs {};
  if (::statfs(path.c_str(), &fs) < 0)
    return report.bad(cat("the store: ", system_error(cat("look at ", path)).what()),
                      "rocker --root DIR with DIR on a disk that works");
  constexpr unsigned long overlay = 0x794c7630, nfs = 0x6969, tmpfs = 0x01021994;
  const auto type = static_cast<unsigned long>(fs.f_type);
  if (type == overlay) {
    report.note(cat("the store (", root, ") lies on overlayfs: images are copied for every container"),
                "rocker --root DIR with DIR on a real disk, or ROCKER_ROOT=DIR");
  } else if (type == nfs) {
    report.bad(cat("the store (", root, ") lies on NFS, which carries no upper layer"),
               "rocker --root DIR with DIR on a local disk");
  } else if (type == tmpfs) {
    report.note(cat("the store (", root, ") lies on a tmpfs: it is gone after a reboot"),
                "rocker --root DIR with DIR on a disk, or ROCKER_ROOT=DIR");
  } else {
    report.good(cat("the store (", root, ") can carry overlays"));
  }
  constexpr std::uint64_t little = std::uint64_t{1} << 30;
  if (static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize) < little) {
    report.bad(cat("less than 1 GB is free below ", path), "rocker system prune -a");
  }
  const std::string known = read_line("/proc/filesystems");
  if (known.find("overlay") == std::string::npos)
    report.bad("the kernel has no overlayfs loaded", "modprobe overlay");
}

void check_helpers(Report& report) {
  struct Helper {
    std::string_view program, needed_for, package;
  };
  constexpr Helper helpers[] = {{"conmon", "run -d, -t and every container that is kept", "conmon"},
                                {"catatonit", "run --init", "catatonit"},
                                {"tar", "cp and export", "tar"},
                                {"ps", "top", "procps"}};
  for (const auto& helper : helpers) {
    if (in_path(helper.program)) {
      report.good(cat(helper.program, " is there"));
    } else {
      report.bad(cat(helper.program, " is missing, which is needed for ", helper.needed_for),
                 cat("apt-get install ", helper.package));
    }
  }
  if (::access(runtime().c_str(), X_OK) != 0 && !in_path(runtime()))
    report.bad(cat("the runtime ", runtime(), " is not there"), "set ROCKER_RUNTIME to a runtime that is");
}

// In a child, so that nothing of ours changes.
bool can_unshare(int flags) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(::unshare(flags) == 0 ? 0 : 1);
  int status = 1;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

void check_kernel(Report& report) {
  if (can_unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)) {
    report.good("namespaces can be made");
  } else {
    report.bad("namespaces can't be made here", "run outside of a container, or in one with --privileged");
  }
  if (can_unshare(CLONE_NEWUSER)) {
    report.good("user namespaces can be made");
  } else if (read_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    report.note("AppArmor restricts user namespaces",
                "apt-get install rocker-runc, which has a profile for it, or: sysctl "
                "kernel.apparmor_restrict_unprivileged_userns=0");
  } else if (read_line("/proc/sys/user/max_user_namespaces") == "0") {
    report.note("user namespaces are switched off", "sysctl user.max_user_namespaces=10000");
  } else if (read_line("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    report.note("user namespaces are for root only", "sysctl kernel.unprivileged_userns_clone=1");
  }
  long long pids = 0;
  if (parse_number(read_line("/proc/sys/kernel/pid_max"), pids) && pids < 65536) {
    report.note(cat("only ", pids, " processes fit on this host"), "sysctl kernel.pid_max=4194304");
  }
  long long watches = 0;
  if (parse_number(read_line("/proc/sys/fs/inotify/max_user_instances"), watches) && watches < 128) {
    report.note(cat("only ", watches, " inotify instances a user: `rocker logs -f` and conmon take one each"),
                "sysctl fs.inotify.max_user_instances=512");
  }
}

}  // namespace

int doctor(const Room& room, Args args) {
  refuse_surplus("doctor", args);
  Report report;
  check_user(report);
  check_kernel(report);
  check_cgroups(report);
  check_store(report, room.registry.root());
  check_helpers(report);
  print(report.text());
  return report.problems() == 0 ? 0 : 1;
}

}  // namespace rocker::verbs
