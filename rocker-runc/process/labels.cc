#include "rocker-runc/process/labels.hh"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

// One write: the kernel takes a label whole or not at all.
void write_attribute(const UniqueFd& fd, const std::string& value, const std::string& what) {
  if (::write(fd.get(), value.data(), value.size()) < 0) throw system_error(what);
}

}  // namespace

// Both are asked once: the child of a clone has the parent's answer and needs no sysfs of the host's.
bool apparmor_enabled() {
  static const bool enabled = [] {
    UniqueFd fd(::open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC));
    char answer = 'N';
    return fd && ::read(fd.get(), &answer, 1) == 1 && answer == 'Y';
  }();
  return enabled;
}

bool selinux_enabled() {
  static const bool enabled = [] {
    struct statfs fs {};
    return ::statfs("/sys/fs/selinux", &fs) == 0 &&
           fs.f_type == static_cast<decltype(fs.f_type)>(SELINUX_MAGIC);
  }();
  return enabled;
}

void check_labels(const std::string& apparmor_profile, const std::string& selinux_label) {
  // Asked here in any case, for set_exec_labels.
  const bool apparmor = !apparmor_profile.empty() && apparmor_enabled();
  const bool selinux = !selinux_label.empty() && selinux_enabled();
  if (!apparmor_profile.empty() && !apparmor && apparmor_profile != "unconfined") {
    throw Error(cat("/process/apparmorProfile: ", printable(apparmor_profile),
                    " is asked for, but AppArmor is not enabled on this host"))
        .hint("leave apparmorProfile out, or boot with apparmor=1 security=apparmor");
  }
  if (!selinux_label.empty() && !selinux) {
    throw Error(cat("/process/selinuxLabel: ", printable(selinux_label),
                    " is asked for, but SELinux is not enabled on this host"))
        .hint("leave selinuxLabel out, or enable SELinux");
  }
}

void set_exec_labels(int proc_fd, const std::string& apparmor_profile, const std::string& selinux_label) {
  if (!apparmor_profile.empty() && apparmor_enabled()) {
    // attr/apparmor/ is there since 5.8 and is AppArmor's alone; attr/exec belongs to the first LSM that
    // wants it.
    UniqueFd fd(::openat(proc_fd, "thread-self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC));
    if (!fd) fd.reset(::openat(proc_fd, "thread-self/attr/exec", O_WRONLY | O_CLOEXEC));
    const std::string what = cat("/process/apparmorProfile: changing to ", printable(apparmor_profile));
    if (!fd) throw system_error(what);
    try {
      write_attribute(fd, cat("exec ", apparmor_profile), what);
    } catch (Error& error) {
      if (error.errno_value() == ENOENT) {
        throw Error(
            cat("/process/apparmorProfile: the profile ", printable(apparmor_profile), " is not loaded"),
            ENOENT)
            .hint("load it with apparmor_parser -r FILE, or leave apparmorProfile out");
      }
      throw;
    }
  }
  if (!selinux_label.empty()) {
    UniqueFd fd(::openat(proc_fd, "thread-self/attr/exec", O_WRONLY | O_CLOEXEC));
    const std::string what = cat("/process/selinuxLabel: changing to ", printable(selinux_label));
    if (!fd) throw system_error(what);
    try {
      write_attribute(fd, selinux_label, what);
    } catch (Error& error) {
      if (error.errno_value() == EINVAL) error.hint("the loaded policy does not know this label");
      throw;
    }
  }
}

}  // namespace rocker::process
