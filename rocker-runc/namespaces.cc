#include "rocker-runc/namespaces.hh"

#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-runc/sys/process.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

struct Kind {
  spec::NamespaceType type;
  int flag;
  const char* proc_name;
};

constexpr Kind kinds[] = {
    {spec::NamespaceType::user, CLONE_NEWUSER, "user"},
    {spec::NamespaceType::pid, CLONE_NEWPID, "pid"},
    {spec::NamespaceType::network, CLONE_NEWNET, "net"},
    {spec::NamespaceType::mount, CLONE_NEWNS, "mnt"},
    {spec::NamespaceType::ipc, CLONE_NEWIPC, "ipc"},
    {spec::NamespaceType::uts, CLONE_NEWUTS, "uts"},
    {spec::NamespaceType::cgroup, CLONE_NEWCGROUP, "cgroup"},
    {spec::NamespaceType::time, CLONE_NEWTIME, "time"},
};

const Kind& kind_of(spec::NamespaceType type) {
  return *std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return k.type == type; });
}

std::string map_text(const std::vector<spec::IdMapping>& maps) {
  std::string text;
  for (const auto& map : maps) text += cat(map.container_id, " ", map.host_id, " ", map.size, "\n");
  return text;
}

bool is_own_namespace(int fd, const char* proc_name) {
  struct stat theirs {
  }, ours{};
  return ::fstat(fd, &theirs) == 0 && ::stat(cat("/proc/self/ns/", proc_name).c_str(), &ours) == 0 &&
         theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

void run_map_helper(const char* program, pid_t pid, const std::string& map) {
  std::vector<std::string> words{program, std::to_string(pid)};
  for (const auto line : split(map, '\n')) {
    for (const auto word : split(line, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
  }
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw system_error("fork");
  if (child == 0) {
    ::execvp(program, argv.data());
    ::_exit(127);
  }
  const int status = sys::wait_child(child);
  if (status == 127) throw Error(cat(program, ": executable file not found in $PATH")).hint("install uidmap");
  if (status != 0) {
    throw Error(cat(program, " refused the mapping (exit status ", status, ")"))
        .hint("the ranges must be granted in /etc/subuid and /etc/subgid");
  }
}

void write_map(pid_t pid, const char* file, const std::string& map, const char* helper) {
  const std::string path = cat("/proc/", pid, "/", file);
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) throw system_error(cat("open ", path));
  if (::write(fd.get(), map.data(), map.size()) >= 0) return;
  const int why = errno;
  if (why == EPERM && ::geteuid() != 0) return run_map_helper(helper, pid, map);
  auto error = system_error(cat("write the mapping \"", printable(trim(map)), "\" to ", file), why);
  if (why == EINVAL)
    error.hint("ranges must not overlap and must be mapped in the caller's own user namespace");
  throw error;
}

}  // namespace

NamespacePlan plan_namespaces(const spec::Linux& linux_part) {
  NamespacePlan plan;
  for (std::size_t i = 0; i < linux_part.namespaces.size(); ++i) {
    const auto& ns = linux_part.namespaces[i];
    const Kind& kind = kind_of(ns.type);
    if (ns.path.empty()) {
      switch (ns.type) {
        case spec::NamespaceType::cgroup: plan.new_cgroup = true; break;
        case spec::NamespaceType::time: plan.new_time = true; break;
        case spec::NamespaceType::user: plan.new_user = true; [[fallthrough]];
        default: plan.clone_flags |= static_cast<std::uint64_t>(kind.flag);
      }
      continue;
    }
    with_context([&] { return cat("config.json: /linux/namespaces/", i, "/path"); },
                 [&] {
                   NamespacePlan::Join join;
                   join.fd = open_path(ns.path, O_RDONLY);
                   const int type = ::ioctl(join.fd.get(), NS_GET_NSTYPE);
                   if (type != kind.flag)
                     throw Error(cat(ns.path, ": is not a ", name(ns.type), " namespace"));
                   join.type = type;
                   join.what = cat(name(ns.type), " namespace ", ns.path);
                   // The kernel refuses to join the user namespace that one is in (and there is nothing to
                   // do).
                   if (ns.type == spec::NamespaceType::user) {
                     if (is_own_namespace(join.fd.get(), kind.proc_name)) return;
                     plan.joined_user = true;
                   }
                   plan.joins.push_back(std::move(join));
                 });
  }
  plan.new_network = (plan.clone_flags & CLONE_NEWNET) != 0;
  plan.new_pid = (plan.clone_flags & CLONE_NEWPID) != 0;
  const bool joins_pid = std::any_of(plan.joins.begin(), plan.joins.end(),
                                     [](const auto& join) { return join.type == CLONE_NEWPID; });
  plan.staged = plan.joined_user || joins_pid || (plan.new_user && (!plan.joins.empty() || plan.new_time));
  plan.uid_map = map_text(linux_part.uid_mappings);
  plan.gid_map = map_text(linux_part.gid_mappings);
  if (plan.new_user && (plan.uid_map.empty() || plan.gid_map.empty())) {
    throw Error("config.json: /linux: a new user namespace needs uidMappings and gidMappings");
  }
  if (!plan.has_user() && (!plan.uid_map.empty() || !plan.gid_map.empty())) {
    throw Error("config.json: /linux/uidMappings: there is no user namespace that they could be for")
        .hint("add {\"type\": \"user\"} to /linux/namespaces");
  }
  if (!linux_part.time_offsets.empty() && !plan.new_time) {
    throw Error("config.json: /linux/timeOffsets: there is no new time namespace that they could be for")
        .hint("add {\"type\": \"time\"} to /linux/namespaces");
  }
  for (const auto& [clock, offset] : linux_part.time_offsets) {
    plan.time_offsets += cat(clock, " ", offset.secs, " ", offset.nanosecs, "\n");
  }
  return plan;
}

void join_namespaces(const std::vector<NamespacePlan::Join>& joins) {
  std::vector<const NamespacePlan::Join*> later;
  for (const auto& join : joins) {
    if (join.type == CLONE_NEWUSER) continue;
    if (::setns(join.fd.get(), join.type) == 0) continue;
    if (errno != EPERM) throw system_error(cat("join the ", join.what));
    later.push_back(&join);
  }
  for (const auto& join : joins) {
    if (join.type != CLONE_NEWUSER) continue;
    sys::join_namespace(join.fd.get(), join.type, join.what);
    become_namespace_root();
  }
  for (const auto* join : later) sys::join_namespace(join->fd.get(), join->type, join->what);
}

void write_id_maps(pid_t pid, const NamespacePlan& plan) {
  // user_namespaces(7): without CAP_SETGID in the parent namespace a gid map is accepted only when
  // setgroups(2) is forbidden in the new one.
  if (::geteuid() != 0 && plan.gid_map.find('\n') == plan.gid_map.size() - 1) {
    const std::string path = cat("/proc/", pid, "/setgroups");
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd && plan.gid_map.ends_with(" 1\n")) (void)!::write(fd.get(), "deny", 4);
  }
  write_map(pid, "gid_map", plan.gid_map, "newgidmap");
  write_map(pid, "uid_map", plan.uid_map, "newuidmap");
}

void write_time_offsets(const std::string& offsets) {
  if (offsets.empty()) return;
  const UniqueFd fd = open_path("/proc/self/timens_offsets", O_WRONLY);
  if (::write(fd.get(), offsets.data(), offsets.size()) < 0) {
    throw system_error(cat("config.json: /linux/timeOffsets: write \"", printable(trim(offsets)), "\""));
  }
}

UniqueFd make_user_namespace(const std::vector<spec::IdMapping>& uids,
                             const std::vector<spec::IdMapping>& gids) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) < 0) throw system_error("pipe");
  const UniqueFd reader(pipe_fds[0]);
  UniqueFd writer(pipe_fds[1]);
  const auto child = sys::clone_process(CLONE_NEWUSER);
  if (child.pid == 0) {
    char byte = 0;
    writer.reset();
    (void)!::read(reader.get(), &byte, 1);
    ::_exit(0);
  }
  Defer reap([&] {
    sys::send_signal(child.pidfd.get(), SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
  });
  NamespacePlan maps;
  maps.uid_map = map_text(uids);
  maps.gid_map = map_text(gids);
  write_id_maps(child.pid, maps);
  return open_path(cat("/proc/", child.pid, "/ns/user"), O_RDONLY);
}

void become_namespace_root() {
  // EPERM: setgroups(2) is denied in this namespace, EINVAL: gid 0 is not mapped. Neither takes anything away
  // from the container that it was promised.
  if (::setgroups(0, nullptr) < 0 && errno != EPERM) throw system_error("setgroups");
  if (::setresgid(0, 0, 0) < 0 && errno != EINVAL) throw system_error("setresgid");
  if (::setresuid(0, 0, 0) < 0 && errno != EINVAL) throw system_error("setresuid");
}

std::string user_namespace_hint() {
  const auto value = [](const char* path) {
    const auto text = read_file_if_exists(AT_FDCWD, path, 64);
    return text ? std::string(trim(*text)) : std::string();
  };
  if (value("/proc/sys/user/max_user_namespaces") == "0") return "sysctl user.max_user_namespaces is 0";
  if (::geteuid() == 0) return "";
  if (value("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    return "sysctl kernel.unprivileged_userns_clone is 0";
  }
  if (value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return "AppArmor restricts user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns is 1): "
           "the runtime "
           "needs a profile with \"userns,\"";
  }
  return "";
}

}  // namespace rocker
