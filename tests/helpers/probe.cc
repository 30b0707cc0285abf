// probe - what a process in a container sees of itself; linked statically, to run in any root file system.
//
//   probe syscall NUMBER [ARGUMENT...]     "RESULT ERRNO" of a system call
//   probe sched | ioprio | mempolicy | affinity | persona | umask
//   probe escape FILE                      whether FILE is there behind the way out of a chroot (chroot(2))
//   probe uncover FILE                     whether FILE is there for who joins the namespace when "/" is
//   unmounted probe paste SIZE                       reads SIZE bytes from a raw terminal, answers each
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// linux/sched/types.h and sched.h don't go together.
struct Attributes {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};

void print_mask(const unsigned long* words, int count) {
  const char* comma = "";
  for (int bit = 0; bit < count * 64; ++bit) {
    if (!(words[bit / 64] >> bit % 64 & 1)) continue;
    printf("%s%d", comma, bit);
    comma = ",";
  }
  printf("\n");
}

int paste(std::size_t size) {
  termios settings{};
  if (tcgetattr(0, &settings) < 0) return 1;
  cfmakeraw(&settings);
  tcsetattr(0, TCSANOW, &settings);
  if (write(1, "ready\n", 6) != 6) return 1;
  char buffer[1000];
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = read(0, buffer, sizeof buffer);
    if (got <= 0 || write(1, buffer, static_cast<std::size_t>(got)) != got) return 1;
    done += static_cast<std::size_t>(got);
  }
  return 0;
}

// chroot(2), "NOTES": a directory below becomes the root while the working directory stays above it.
int escape(const char* file) {
  mkdir("/jail", 0755);
  if (chroot("/jail") < 0) return 1;
  for (int i = 0; i < 64; ++i) {
    if (chdir("..") < 0) return 1;
  }
  if (chroot(".") < 0) return 1;
  puts(access(file, F_OK) == 0 ? "there" : "not there");
  return 0;
}

int uncover(const char* file) {
  const int self = open("/proc/self/ns/mnt", O_RDONLY);
  if (self < 0) return 1;
  if (umount2("/", MNT_DETACH) < 0) {
    puts("/ can't be unmounted");
    return 0;
  }
  if (setns(self, CLONE_NEWNS) < 0) return 2;
  puts(access(file, F_OK) == 0 ? "there" : "not there");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  unsigned long words[64]{};
  if (strcmp(what, "syscall") == 0 && argc > 2) {
    long args[6]{};
    for (int i = 3; i < argc && i < 9; ++i) args[i - 3] = strtol(argv[i], nullptr, 0);
    errno = 0;
    const long result =
        syscall(strtol(argv[2], nullptr, 0), args[0], args[1], args[2], args[3], args[4], args[5]);
    printf("%ld %d\n", result, result == -1 ? errno : 0);
  } else if (strcmp(what, "sched") == 0) {
    Attributes a{};
    a.size = sizeof a;
    if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) < 0) return 1;
    printf("policy=%u flags=%llu nice=%d priority=%u runtime=%llu deadline=%llu period=%llu\n", a.policy,
           static_cast<unsigned long long>(a.flags), a.nice, a.priority,
           static_cast<unsigned long long>(a.runtime), static_cast<unsigned long long>(a.deadline),
           static_cast<unsigned long long>(a.period));
  } else if (strcmp(what, "ioprio") == 0) {
    const long value = syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0);
    printf("class=%ld priority=%ld\n", value >> 13, value & 8191);
  } else if (strcmp(what, "mempolicy") == 0) {
    int mode = -1;
    if (syscall(SYS_get_mempolicy, &mode, words, sizeof words * 8, nullptr, 0) < 0) return 1;
    printf("mode=%d nodes=", mode);
    print_mask(words, 64);
  } else if (strcmp(what, "affinity") == 0) {
    if (syscall(SYS_sched_getaffinity, 0, sizeof words, words) < 0) return 1;
    print_mask(words, 64);
  } else if (strcmp(what, "persona") == 0) {
    printf("%#x\n", personality(0xffffffff));
  } else if (strcmp(what, "umask") == 0) {
    printf("%04o\n", umask(0));
  } else if (strcmp(what, "uncover") == 0 && argc > 2) {
    return uncover(argv[2]);
  } else if (strcmp(what, "escape") == 0 && argc > 2) {
    return escape(argv[2]);
  } else if (strcmp(what, "paste") == 0 && argc > 2) {
    return paste(strtoul(argv[2], nullptr, 0));
  } else {
    fprintf(stderr,
            "probe: syscall NUMBER [ARGUMENT...] | sched | ioprio | mempolicy | affinity | persona | umask | "
            "escape FILE | paste SIZE\n");
    return 2;
  }
  return 0;
}
