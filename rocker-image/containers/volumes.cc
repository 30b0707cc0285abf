#include "rocker-image/containers/volumes.hh"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "rocker-image/containers/events.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

extern char** environ;

namespace rocker::containers {

namespace {

std::string volume_directory(const std::string& root, const std::string& name) {
  return cat(root, "/volumes/", name);
}

std::string random_volume_name() {
  unsigned char bytes[32];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw system_error("getrandom");
  std::string name;
  for (const unsigned char byte : bytes)
    name += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return name;
}

}  // namespace

std::string volume_source(const std::string& root, const bundle::VolumeRequest& request, Facts& facts) {
  if (request.kind == bundle::VolumeRequest::Kind::bind) {
    struct stat st {};
    if (::stat(request.source.c_str(), &st) == 0) return request.source;
    if (errno != ENOENT || !request.make_source)
      throw system_error(cat("the source of a mount: ", printable(request.source)));
    make_directories(request.source, 0755);
    return request.source;
  }
  std::string name = request.source;
  if (name.empty()) {
    name = random_volume_name();
    facts.anonymous_volumes.push_back(name);
  }
  // Nobody but root gets in: a set-user-ID program that a container's root makes in a volume is the host's
  // root's on the disk, also with --userns private.
  const std::string volumes = cat(root, "/volumes");
  make_directories(volumes, 0700);
  if (::chmod(volumes.c_str(), 0700) < 0) throw system_error(cat("chmod ", volumes));
  const std::string data = cat(volume_directory(root, name), "/_data");
  const bool is_new = ::access(data.c_str(), F_OK) != 0;
  make_directories(data, 0755);
  if (is_new) note_volume_event(root, "create", name);
  return data;
}

namespace {

void run_and_wait(std::vector<const char*> argv) {
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], nullptr, nullptr, const_cast<char**>(argv.data()), environ);
  if (error != 0) throw system_error(cat("start ", argv[0]), error);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw Error(cat(argv[0], " failed for a volume"));
}

bool is_empty(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  int entries = 0;
  while (dir && ::readdir(dir.get()) != nullptr && entries < 3) ++entries;
  return dir && entries == 2;
}

}  // namespace

void fill_volumes(const bundle::Made& made) {
  using Kind = bundle::VolumeRequest::Kind;
  UniqueFd image;
  for (const auto& request : made.assembled.volumes) {
    if (request.kind == Kind::tmpfs) continue;
    const auto& mounts = made.assembled.config.mounts;
    const auto mount = std::find_if(mounts.begin(), mounts.end(),
                                    [&](const auto& m) { return m.destination == request.destination; });
    if (mount == mounts.end()) continue;
    if (request.kind == Kind::volume && request.fill && is_empty(mount->source)) {
      if (!image) image = open_path(made.image.rootfs(), O_PATH | O_DIRECTORY);
      // A link at its place leads to a folder of the image's, never of the host's.
      const UniqueFd folder = try_open_in_root(image.get(), request.destination, O_RDONLY | O_DIRECTORY);
      struct stat st {};
      if (folder && ::fstat(folder.get(), &st) == 0) {
        // cp has the descriptor as its own working directory would be: by /proc of ours.
        const std::string from = cat("/proc/", ::getpid(), "/fd/", folder.get(), "/.");
        if (!is_empty(from)) run_and_wait({"cp", "-a", "--", from.c_str(), mount->source.c_str()});
        if (::chown(mount->source.c_str(), st.st_uid, st.st_gid) < 0 ||
            ::chmod(mount->source.c_str(), st.st_mode & 07777) < 0) {
          throw system_error(cat("owner and mode of the volume at ", printable(request.destination)));
        }
      }
    }
    if (request.own) {
      const auto& user = made.assembled.config.process->user;
      // What is not idmapped has to belong to the number that the user has on the host.
      const auto& maps = made.assembled.config.linux_.uid_mappings;
      const bool idmapped =
          std::find(mount->options.begin(), mount->options.end(), "idmap") != mount->options.end();
      const std::uint32_t base = maps.empty() || idmapped ? 0 : maps[0].host_id;
      const std::string owner = cat(base + user.uid, ":", base + user.gid);
      run_and_wait({"chown", "-R", "-h", "--", owner.c_str(), mount->source.c_str()});
    }
  }
}

void remove_volume(const std::string& root, const std::string& name) {
  const std::string dir = volume_directory(root, name);
  const bool was = ::access(dir.c_str(), F_OK) == 0;
  remove_tree(AT_FDCWD, dir);
  if (was) note_volume_event(root, "destroy", name);
}

}  // namespace rocker::containers
