// interleave - runs several commands in turn, many rounds, and prints how long each took. Taking turns
// spreads what disturbs the machine over all of them, so the ratios of one run mean something where its
// milliseconds do not.
//
//   interleave [-a AFTER] ROUNDS NAME COMMAND [ARG...] [-- NAME COMMAND [ARG...]]...
//
// AFTER is a line for the shell that takes away what a command has made, after each and outside of its time.
// The next one gets the memory that it gives back: in a virtual machine a page that its host has not given it
// yet takes longer to come than all that a tool does with it.
//
// One line a command: NAME, the median, the fastest and the 90th percentile in microseconds, the median of
// the CPU time of it and its children, the peak memory in KiB. Their output goes to /dev/null; a command that
// fails ends it all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char** environ;

enum { max_commands = 16 };

struct command {
  const char* name;
  char** argv;
  long *wall, *cpu;  // of each round, in microseconds
  long peak;
};

static int by_size(const void* a, const void* b) {
  const long x = *(const long*)a, y = *(const long*)b;
  return (x > y) - (x < y);
}

static long microseconds(struct timeval t) {
  return t.tv_sec * 1000000 + t.tv_usec;
}

static void run(struct command* command, int round, posix_spawn_file_actions_t* actions) {
  struct timespec begin, end;
  struct rusage usage;
  pid_t pid;
  int status;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const int error = posix_spawnp(&pid, command->argv[0], actions, NULL, command->argv, environ);
  if (error != 0) {
    fprintf(stderr, "interleave: %s: %s\n", command->argv[0], strerror(error));
    exit(1);
  }
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) continue;
  clock_gettime(CLOCK_MONOTONIC, &end);
  if (status != 0) {
    fprintf(stderr, "interleave: %s failed in round %d: wait status 0x%x\n", command->name, round,
            (unsigned)status);
    exit(1);
  }
  command->wall[round] = (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
  command->cpu[round] = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  if (usage.ru_maxrss > command->peak) command->peak = usage.ru_maxrss;
}

static const char* after;

static void run_and_clean(struct command* command, int round, posix_spawn_file_actions_t* actions) {
  run(command, round, actions);
  if (after == NULL) return;
  const int status = system(after);
  if (status != 0) {
    fprintf(stderr, "interleave: %s: wait status 0x%x\n", after, (unsigned)status);
    exit(1);
  }
}

int main(int argc, char** argv) {
  struct command commands[max_commands];
  int count = 0;
  if (argc > 2 && strcmp(argv[1], "-a") == 0) {
    after = argv[2];
    argv += 2;
    argc -= 2;
  }
  const int rounds = argc > 3 ? atoi(argv[1]) : 0;
  for (int i = 2; rounds > 0 && i + 1 < argc && count < max_commands; i++) {
    struct command* command = &commands[count++];
    command->name = argv[i];
    command->argv = &argv[++i];
    command->wall = calloc((size_t)rounds, sizeof(long));
    command->cpu = calloc((size_t)rounds, sizeof(long));
    command->peak = 0;
    if (!command->wall || !command->cpu) return 1;
    while (i < argc && strcmp(argv[i], "--") != 0) i++;
    argv[i] = NULL;
  }
  if (count == 0) {
    fprintf(stderr,
            "usage: interleave [-a AFTER] ROUNDS NAME COMMAND [ARG...] [-- NAME COMMAND [ARG...]]...\n");
    return 1;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  // Once each before it counts: the page cache and the dentries are filled.
  for (int i = 0; i < count; i++) run_and_clean(&commands[i], 0, &actions);
  for (int round = 0; round < rounds; round++) {
    // Another one first in each round, so that none always runs behind the same neighbour.
    for (int i = 0; i < count; i++) run_and_clean(&commands[(i + round) % count], round, &actions);
  }
  for (int i = 0; i < count; i++) {
    struct command* command = &commands[i];
    qsort(command->wall, (size_t)rounds, sizeof(long), by_size);
    qsort(command->cpu, (size_t)rounds, sizeof(long), by_size);
    printf("%s\t%ld\t%ld\t%ld\t%ld\t%ld\n", command->name, command->wall[rounds / 2], command->wall[0],
           command->wall[rounds * 9 / 10], command->cpu[rounds / 2], command->peak);
  }
  return 0;
}
