// The default seccomp profile: which system calls a container may use. The choice is podman's and docker's:
// everything that ordinary programs need; what reaches the kernel's less guarded parts only with the
// capability that is needed there anyhow. A call that is not named fails with ENOSYS, so that libraries fall
// back to an older one.
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "rocker-image/bundle/seccomp.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

constexpr std::string_view always =
    "_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod "
    "chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 clone clone3 close close_range connect "
    "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait "
    "epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat "
    "faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown "
    "fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsconfig "
    "fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
    "get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 "
    "geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid "
    "getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid "
    "getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init "
    "inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get "
    "ioprio_set ipc keyctl kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown "
    "lchown32 lgetxattr link linkat listen listmount listxattr llistxattr lremovexattr lseek lsetxattr "
    "lsm_get_self_attr lsm_list_modules lsm_set_self_attr lstat lstat64 madvise map_shadow_stack mbind "
    "membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap "
    "mmap2 mount mount_setattr move_mount mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
    "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv "
    "msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open open_tree openat "
    "openat2 pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free "
    "pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
    "process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read "
    "readahead readdir readlink readlinkat readv reboot recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
    "remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction "
    "rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min "
    "sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler "
    "sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 "
    "sendmmsg sendmsg sendto set_mempolicy set_mempolicy_home_node set_robust_list set_thread_area "
    "set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
    "setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 "
    "setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget "
    "shutdown sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend "
    "socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync "
    "sync_file_range syncfs syscall sysinfo syslog tee tgkill time timer_create timer_delete "
    "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd timerfd_create "
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 "
    "ugetrlimit umask umount umount2 uname unlink unlinkat unshare utime utimensat utimensat_time64 "
    "utimes vfork wait4 waitid waitpid write writev";

// Known, and refused as if the caller lacked a right: ENOSYS would make some programs take an emulation.
constexpr std::string_view refused =
    "bdflush io_pgetevents kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat "
    "oldlstat oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask "
    "ssetmask swapcontext swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice";

struct Gate {
  std::string_view capability;
  std::string_view names;
};

// Allowed with the capability, EPERM without.
constexpr Gate gates[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_SYS_ADMIN",
     "bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname setns quotactl_fd"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module finit_module init_module query_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp process_madvise"},
    {"CAP_SYS_RAWIO", "ioperm iopl"},
    {"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
};

constexpr std::uint32_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> out;
  for (const auto word : split(list, ' ')) out.emplace_back(word);
  return out;
}

}  // namespace

spec::Seccomp default_seccomp(const std::vector<std::string>& capabilities) {
  const auto has = [&](std::string_view capability) {
    return std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
  };
  spec::Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.default_errno_ret = ENOSYS;
  profile.architectures = native_architectures();
  const auto allow = [&](std::vector<std::string> names, std::vector<spec::SeccompArg> args = {}) {
    profile.syscalls.push_back({std::move(names), "SCMP_ACT_ALLOW", std::nullopt, std::move(args)});
  };
  const auto refuse = [&](std::vector<std::string> names, unsigned errno_ret) {
    profile.syscalls.push_back({std::move(names), "SCMP_ACT_ERRNO", errno_ret, {}});
  };
  allow(words(always));
  refuse(words(refused), EPERM);
  // personality(2) may name the usual execution domains; others switch off address space randomisation.
  for (const auto domain : personalities) {
    allow({"personality"}, {{0, domain, 0, "SCMP_CMP_EQ"}});
  }
#if defined(__x86_64__) || defined(__i386__)
  allow({"arch_prctl", "modify_ldt"});
#elif defined(__aarch64__) || defined(__arm__)
  allow(
      {"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "sync_file_range2"});
#elif defined(__powerpc64__)
  allow({"sync_file_range2"});
#elif defined(__s390x__)
  allow({"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"});
#endif
  for (const auto& gate : gates) {
    if (has(gate.capability)) {
      allow(words(gate.names));
    } else {
      refuse(words(gate.names), EPERM);
    }
  }
  // Sockets to the kernel's audit subsystem: without CAP_AUDIT_WRITE they fail as on a kernel that has none.
  if (has("CAP_AUDIT_WRITE")) {
    allow({"socket"});
  } else {
    allow({"socket"}, {{0, AF_NETLINK, 0, "SCMP_CMP_NE"}});
    allow({"socket"}, {{2, NETLINK_AUDIT, 0, "SCMP_CMP_NE"}});
    profile.syscalls.push_back({{"socket"},
                                "SCMP_ACT_ERRNO",
                                EINVAL,
                                {{0, AF_NETLINK, 0, "SCMP_CMP_EQ"}, {2, NETLINK_AUDIT, 0, "SCMP_CMP_EQ"}}});
  }
  return profile;
}

}  // namespace rocker::bundle
