// The two ends of a filter's life at run time: loading it in the child, handing its listener to the agent.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "rocker-runc/process/seccomp.hh"
#include "rocker-runc/process/unix_socket.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif

namespace rocker::process {

UniqueFd load_seccomp(const SeccompFilter& filter) {
  unsigned flags = filter.flags;
  if (filter.notifies) {
    flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Both give their result by the return value: the kernel wants to be told which.
    if (flags & SECCOMP_FILTER_FLAG_TSYNC) flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  }
  sock_fprog program{static_cast<unsigned short>(filter.program.size()),
                     const_cast<sock_filter*>(filter.program.data())};
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) {
    Error error = system_error("/linux/seccomp: loading the filter");
    if (error.errno_value() == EACCES) {
      error.hint("without noNewPrivileges it needs CAP_SYS_ADMIN in the user namespace of the container");
    } else if (error.errno_value() == EINVAL) {
      error.hint("this kernel does not know one of the flags or actions, or has no seccomp filters");
    } else if (error.errno_value() == EBUSY) {
      error.hint("a filter with a listener is there already, and there can be only one");
    }
    throw error;
  }
  if (!filter.notifies) {
    if (result != 0)
      throw Error(cat("/linux/seccomp: thread ", result, " can't be given the filter (TSYNC)"));
    return {};
  }
  return UniqueFd(static_cast<int>(result));
}

void send_seccomp_listener(const spec::Seccomp& profile, int listener, pid_t pid,
                           const std::string& state_json) {
  json::Writer writer(json::Writer::Style::compact);
  writer.object([&] {
    writer.member("ociVersion", spec::oci_version);
    writer.array("fds", [&] { writer.value("seccompFd"); });
    writer.member("pid", pid);
    writer.unless_empty("metadata", profile.listener_metadata);
    writer.key("state");
    writer.raw(state_json);
  });
  with_context([&] { return cat("/linux/seccomp/listenerPath: ", printable(profile.listener_path)); },
               [&] {
                 const UniqueFd socket = connect_unix_stream(profile.listener_path);
                 send_with_fd(socket.get(), writer.text(), listener);
               });
}

}  // namespace rocker::process
