// bare - the kernel's share of starting a container: the system calls that the default config.json of
// `rocker-runc spec` needs (namespaces, cgroups, mounts, devices, masked and read-only paths, pivot_root,
// capabilities), in a row, with nothing parsed, checked, written down or cleaned up but the cgroups. What a
// runtime takes beyond this is its own.
//
//   bare ROOTFS            runs ROOTFS/bin/true and exits with its status
//
// Linked statically, so that not even a loader is counted.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { max_groups = 16 };

static char groups[max_groups][256];  // of the container, one in each hierarchy
static const char* hierarchies[max_groups];
static int group_count;

static void fail(const char* what) {
  fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
  _exit(125);
}

static void write_file(const char* dir, const char* name, const char* text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

// A cgroup in every hierarchy that is there; on pure cgroup v2, one.
static void make_groups(void) {
  static const char* const names[] = {"cpu",  "cpuacct", "cpuset",  "memory",  "devices", "freezer",
                                      "pids", "blkio",   "hugetlb", "net_cls", "systemd", "unified"};
  struct stat st;
  const int unified = stat("/sys/fs/cgroup/cgroup.controllers", &st) == 0;
  for (unsigned i = 0; i < (unified ? 1 : sizeof names / sizeof *names); i++) {
    char* dir = groups[group_count];
    if (unified) {
      snprintf(dir, sizeof *groups, "/sys/fs/cgroup/bare.%d", getpid());
    } else {
      snprintf(dir, sizeof *groups, "/sys/fs/cgroup/%s/bare.%d", names[i], getpid());
    }
    if (mkdir(dir, 0755) != 0) continue;
    hierarchies[group_count++] = unified ? "" : names[i];
    if (!unified && strcmp(names[i], "cpuset") == 0) {
      write_file(dir, "cpuset.cpus", "0");
      write_file(dir, "cpuset.mems", "0");
    }
    if (!unified && strcmp(names[i], "devices") == 0) write_file(dir, "devices.deny", "a");
    if (!unified && strcmp(names[i], "devices") == 0) {
      write_file(dir, "devices.allow", "c *:* m");
      write_file(dir, "devices.allow", "b *:* m");
      static const char* const allowed[] = {"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",
                                            "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};
      for (unsigned j = 0; j < sizeof allowed / sizeof *allowed; j++)
        write_file(dir, "devices.allow", allowed[j]);
    }
  }
}

static void do_mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const char* data) {
  if (mount(source, target, type, flags, data) != 0) fail(target);
}

static void mount_groups(void) {
  const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RELATIME;
  if (group_count == 1 && !*hierarchies[0]) {
    do_mount("cgroup", "sys/fs/cgroup", "cgroup2", flags | MS_RDONLY, NULL);
    return;
  }
  do_mount("tmpfs", "sys/fs/cgroup", "tmpfs", flags, "mode=755");
  for (int i = 0; i < group_count; i++) {
    char target[64];
    snprintf(target, sizeof target, "sys/fs/cgroup/%s", hierarchies[i]);
    if (mkdir(target, 0755) != 0) fail(target);
    if (strcmp(hierarchies[i], "unified") == 0) {
      do_mount("cgroup", target, "cgroup2", flags | MS_RDONLY, NULL);
    } else {
      char option[32];
      const int named = strcmp(hierarchies[i], "systemd") == 0;
      snprintf(option, sizeof option, "%s%s", named ? "name=" : "", hierarchies[i]);
      do_mount("cgroup", target, "cgroup", flags | MS_RDONLY, option);
    }
  }
  do_mount(NULL, "sys/fs/cgroup", NULL, flags | MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

static void make_devices(void) {
  static const struct {
    const char* path;
    unsigned major, minor;
  } nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
               {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  static const char* const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                         {"/proc/self/fd/0", "dev/stdin"},
                                         {"/proc/self/fd/1", "dev/stdout"},
                                         {"/proc/self/fd/2", "dev/stderr"},
                                         {"pts/ptmx", "dev/ptmx"}};
  umask(0);
  for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) != 0)
      fail(nodes[i].path);
  }
  umask(022);
  for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
    if (symlink(links[i][0], links[i][1]) != 0) fail(links[i][1]);
  }
}

static void mask_paths(void) {
  static const char* const masked[] = {
      "proc/acpi",       "proc/asound",      "proc/kcore",       "proc/keys",    "proc/latency_stats",
      "proc/timer_list", "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi"};
  static const char* const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                          "proc/sysrq-trigger"};
  for (unsigned i = 0; i < sizeof masked / sizeof *masked; i++) {
    if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) != 0 && errno == ENOTDIR) {
      do_mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL);
    }
  }
  for (unsigned i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) != 0) continue;
    do_mount(NULL, read_only[i], NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_BIND | MS_REMOUNT | MS_RDONLY,
             NULL);
  }
}

// CAP_AUDIT_WRITE, CAP_KILL and CAP_NET_BIND_SERVICE, as the default config.json has them.
static void limit(void) {
  const unsigned keep = 1u << CAP_KILL | 1u << CAP_NET_BIND_SERVICE | 1u << CAP_AUDIT_WRITE;
  for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
    if (cap > 31 || !(keep >> cap & 1)) prctl(PR_CAPBSET_DROP, cap);
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{.effective = keep, .permitted = keep}};
  if (syscall(SYS_capset, &header, data) != 0) fail("capset");
  const struct rlimit files = {1024, 1024};
  setrlimit(RLIMIT_NOFILE, &files);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void run_inside(const char* rootfs) {
  const unsigned long quiet = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  if (unshare(CLONE_NEWCGROUP) != 0) fail("unshare");
  do_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
  do_mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL);
  if (chdir(rootfs) != 0) fail(rootfs);
  do_mount("proc", "proc", "proc", 0, NULL);
  do_mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  static const char* const dirs[] = {"dev/pts", "dev/shm", "dev/mqueue"};
  for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++) {
    if (mkdir(dirs[i], 0755) != 0) fail(dirs[i]);
  }
  do_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  do_mount("shm", "dev/shm", "tmpfs", quiet, "mode=1777,size=65536k");
  do_mount("mqueue", "dev/mqueue", "mqueue", quiet, NULL);
  do_mount("sysfs", "sys", "sysfs", quiet | MS_RDONLY, NULL);
  mount_groups();
  make_devices();
  mask_paths();
  do_mount(NULL, rootfs, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
  if (syscall(SYS_pivot_root, ".", ".") != 0) fail("pivot_root");
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) fail("leaving the old root");
  if (sethostname("bare", 4) != 0) fail("sethostname");
  setsid();
  limit();
  execl("/bin/true", "true", (char*)NULL);
  fail("/bin/true");
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: bare ROOTFS\n");
    return 125;
  }
  int go[2];
  if (pipe2(go, O_CLOEXEC) != 0) fail("pipe2");
  make_groups();
  struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
                            .exit_signal = SIGCHLD};
  const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) fail("clone3");
  char byte = 0;
  if (pid == 0) {
    close(go[1]);
    // The end of the pipe: the parent has put us into the groups.
    if (read(go[0], &byte, 1) != 0) fail("the parent");
    run_inside(argv[1]);
  }
  char text[16];
  snprintf(text, sizeof text, "%d", pid);
  for (int i = 0; i < group_count; i++) write_file(groups[i], "cgroup.procs", text);
  close(go[1]);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) fail("waitpid");
  for (int i = 0; i < group_count; i++) rmdir(groups[i]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
