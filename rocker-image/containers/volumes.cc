#include "rocker-image/containers/volumes.hh"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/process.hh"
#include "rocker-image/walk.hh"
#include "spec/config.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/lock.hh"
#include "spec/support/log.hh"
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

bool has_mount_of(const std::string& bundle, const std::string& source) {
  const auto config = spec::load_config(bundle);
  return std::any_of(config.mounts.begin(), config.mounts.end(),
                     [&](const auto& mount) { return mount.source == source; });
}

}  // namespace

FileLock lock_volumes(const std::string& root) {
  // Nobody but root gets in: a set-user-ID program that a container's root makes in a volume is the host's
  // root's on the disk, also with --userns private.
  const std::string volumes = cat(root, "/volumes");
  make_directories(volumes, 0700);
  if (::chmod(volumes.c_str(), 0700) < 0) throw system_error(cat("chmod ", volumes));
  return FileLock::wait(AT_FDCWD, cat(volumes, "/.lock"), FileLock::Mode::exclusive);
}

std::vector<std::string> volume_users(const Registry& registry, const std::string& name,
                                      std::string_view except) {
  const std::string data = cat(volume_directory(registry.root(), name), "/_data");
  std::vector<std::string> users;
  for (const auto& facts :
       registry.list([](const Error& error) { log::warn(error.what()); }, Registry::Unmade::too)) {
    if (facts.id == except) continue;
    try {
      const bool uses = facts.incomplete ? std::find(facts.volumes.begin(), facts.volumes.end(), name) !=
                                               facts.volumes.end()
                                         : has_mount_of(registry.directory(facts.id), data);
      if (uses) users.push_back(facts.name);
    } catch (const Error&) {
      continue;  // a broken one uses nothing
    }
  }
  return users;
}

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
  const std::string data = cat(volume_directory(root, name), "/_data");
  const bool is_new = ::access(data.c_str(), F_OK) != 0;
  make_directories(data, 0755);
  if (is_new) note_volume_event(root, "create", name);
  return data;
}

sigset_t ending_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGHUP, SIGINT, SIGTERM}) ::sigaddset(&set, number);
  return set;
}

namespace {

// Runs a program that ends when we do, were it by a kill -9: what it works on is not to change any more then.
// The signals that end us are held back (create.cc), but for it; they make it stop.
void run_and_wait(std::vector<const char*> command) {
  std::vector<const char*> argv{"setpriv", "--pdeathsig", "KILL", "--"};
  argv.insert(argv.end(), command.begin(), command.end());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  const Defer destroy([&] { ::posix_spawnattr_destroy(&attributes); });
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, argv[0], nullptr, &attributes, const_cast<char**>(argv.data()), environ);
  if (error != 0) throw system_error(cat("start ", argv[0]), error);
  const UniqueFd process = open_pid(pid);
  const sigset_t ending = ending_signals();
  // Only looked at, never read: the signal does its work when it is let through.
  const UniqueFd signals(::signalfd(-1, &ending, SFD_CLOEXEC));
  struct pollfd events[] = {{process.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
  while (::poll(events, 2, -1) < 0 && errno == EINTR) {
  }
  const bool interrupted = events[1].revents != 0;
  if (interrupted) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (interrupted) throw Error("interrupted", ECANCELED);
  if (status != 0) throw Error(cat(command[0], " failed for a volume"));
}

// Asked at each start, of volumes that may hold millions: it reads no more than it has to.
bool is_empty(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  int entries = 0;
  while (dir && ::readdir(dir.get()) != nullptr && entries < 3) ++entries;
  return dir && entries == 2;
}

// What the image has in `folder` is copied beside the volume's data, where no container reaches it, and its
// names are moved over, complete. Another container may have the volume and plant links in it meanwhile: a
// copy into it would follow them.
void fill_volume(const std::string& data, int folder) {
  const std::string volume = data.substr(0, data.rfind('/')), part = cat(volume, "/.fill");
  // cp has the descriptor as its own working directory would be: by /proc of ours.
  const std::string from = cat("/proc/", ::getpid(), "/fd/", folder, "/.");
  if (is_empty(from)) return;
  const UniqueFd dir = open_path(volume, O_PATH | O_DIRECTORY);
  const FileLock lock = FileLock::wait(dir.get(), ".fill.lock", FileLock::Mode::exclusive);
  if (!is_empty(data)) return;      // filled by whoever had the lock
  remove_tree(dir.get(), ".fill");  // what a killed one has left
  const Defer clear([&] {
    try {
      remove_tree(dir.get(), ".fill");
    } catch (const Error& error) {
      log::warn(error.what());
    }
  });
  if (::mkdirat(dir.get(), ".fill", 0700) < 0) throw system_error(cat("mkdir ", part));
  run_and_wait({"cp", "-a", "--", from.c_str(), part.c_str()});
  const UniqueFd filled = open_path(part, O_RDONLY | O_DIRECTORY),
                 into = open_path(data, O_PATH | O_DIRECTORY);
  for (const auto& name : names_in_folder(filled.get())) {
    if (::renameat2(filled.get(), name.c_str(), into.get(), name.c_str(), RENAME_NOREPLACE) == 0) continue;
    if (errno == EEXIST) continue;  // a container was faster, and what it has made stays
    if (errno == EXDEV) {
      throw Error(cat("volume ", volume.substr(volume.rfind('/') + 1),
                      ": something is mounted on its data, the image's files can't be put there"))
          .hint("mount it with volume-nocopy");
    }
    throw system_error(cat("fill ", data));
  }
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
        fill_volume(mount->source, folder.get());
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

std::vector<std::string> remove_volume(const Registry& registry, const std::string& name,
                                       std::string_view except) {
  const std::string& root = registry.root();
  const std::string dir = volume_directory(root, name);
  if (::access(dir.c_str(), F_OK) != 0) return {};
  const FileLock lock = lock_volumes(root);
  auto users = volume_users(registry, name, except);
  if (!users.empty()) return users;
  const bool was = ::access(dir.c_str(), F_OK) == 0;
  remove_tree(AT_FDCWD, dir);
  if (was) note_volume_event(root, "destroy", name);
  return {};
}

}  // namespace rocker::containers
