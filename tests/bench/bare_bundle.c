// bare_bundle - the kernel's share of making a bundle: the same files, of the same sizes, written in the same
// way, and the same mount, by a C program that does nothing else. What `rocker-image bundle` takes beyond
// this is its own.
//
//   bare_bundle ROOTFS DIR           DIR is made, with ROOTFS below an overlay at DIR/rootfs
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(int status, const char* what) {
  if (status >= 0) return;
  perror(what);
  exit(1);
}

static void read_file(const char* path) {
  char text[8192];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  check(fd, path);
  check(read(fd, text, sizeof text), path);
  close(fd);
}

// Whole or not at all.
static void write_file(const char* name, size_t size) {
  static char text[65536];
  char part[64];
  memset(text, ' ', size);
  snprintf(part, sizeof part, "%s.tmp", name);
  const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  check(fd, part);
  check(write(fd, text, size), part);
  check(rename(part, name), name);
  close(fd);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "bare_bundle: expected a root file system and the folder to make\n");
    return 1;
  }
  char path[PATH_MAX], options[2 * PATH_MAX];
  check(mkdir(argv[2], 0700), argv[2]);
  check(chdir(argv[2]), argv[2]);
  // The lock, the record, the reference.
  const int lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct flock shared = {.l_type = F_RDLCK};
  check(fcntl(lock, F_OFD_SETLKW, &shared), "lock");
  snprintf(path, sizeof path, "%s/../image.json", argv[1]);
  read_file(path);
  write_file("rocker-bundle.json", 93);
  check(mkdir("reference", 0700), "reference");
  write_file("reference/of", 27);
  // What config.json says of the user, and the container's /etc.
  snprintf(path, sizeof path, "%s/etc/passwd", argv[1]);
  read_file(path);
  snprintf(path, sizeof path, "%s/etc/group", argv[1]);
  read_file(path);
  read_file("/etc/resolv.conf");
  check(mkdir("etc", 0700), "etc");
  write_file("etc/hosts", 61);
  write_file("etc/hostname", 1);
  write_file("etc/resolv.conf", 25);
  check(mkdir("rootfs", 0755), "rootfs");
  check(mkdir("overlay", 0700), "overlay");
  check(mkdir("overlay/upper", 0755), "overlay/upper");
  check(mkdir("overlay/work", 0700), "overlay/work");
  write_file("config.json", 19438);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=overlay/upper,workdir=overlay/work", argv[1]);
  check(mount("overlay", "rootfs", "overlay", 0, options), "mount");
  return 0;
}
