// read_files - the kernel's share of listing the images of a store: opens, reads and closes each
// DIR/NAME/latest/image.json, and does nothing with it. What `rocker-image list` takes beyond this is its
// own.
//
//   read_files DIR
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
  DIR* dir = argc == 2 ? opendir(argv[1]) : NULL;
  if (dir == NULL) {
    perror(argc == 2 ? argv[1] : "read_files: expected a directory");
    return 1;
  }
  const struct dirent* entry;
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    char path[sizeof entry->d_name + 32], text[65536];
    snprintf(path, sizeof path, "%s/latest/image.json", entry->d_name);
    const int fd = openat(dirfd(dir), path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text) < 0) {
      perror(path);
      return 1;
    }
    close(fd);
  }
  closedir(dir);
  return 0;
}
