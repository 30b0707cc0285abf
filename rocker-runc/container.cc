#include "rocker-runc/container.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "rocker-runc/start_gate.hh"
#include "rocker-runc/sys/process.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// Of state.json. A newer one is refused and not half understood.
constexpr int state_version = 1;
constexpr std::size_t largest_state = 1u << 20;

std::string write_record(const Record& r) {
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("version", state_version);
    w.member("id", r.id);
    w.member("bundle", r.bundle);
    w.member("rootfs", r.rootfs);
    w.member("created", r.created);
    w.member("owner", r.owner);
    w.member("pid", r.pid);
    w.member("startTime", r.start_time);
    w.object("cgroup", [&] {
      w.member("driver", r.cgroup.driver == cgroup::Driver::systemd ? "systemd" : "cgroupfs");
      w.unless_empty("rootless", r.cgroup.rootless);
      w.unless_empty("pending", r.cgroup.pending);
      w.unless_empty("scope", r.cgroup.scope);
      w.member("paths", r.cgroup.paths);
    });
    w.unless_empty("closDirectory", r.intel_rdt.clos_directory);
    w.unless_empty("monDirectory", r.intel_rdt.mon_directory);
    w.unless_empty("annotations", r.annotations);
    w.unless_empty("sessionKeyring", r.session_keyring);
    w.unless_empty("notifySocket", r.notify_socket);
    if (r.devices) {
      spec::Resources resources;
      resources.devices = *r.devices;
      w.key("updatedResources");
      spec::write(w, resources);
    }
  });
  return w.text();
}

Record read_record(std::string text, const std::string& path) {
  const auto document = json::Document::parse(std::move(text), path);
  const auto v = document.root();
  Record r;
  int version = 0;
  v.require("version", version);
  if (version != state_version) {
    throw v.at("version").error(
        cat("written by another version of rocker-runc (", version, ", this one reads ", state_version, ")"));
  }
  v.require("id", r.id);
  v.require("bundle", r.bundle);
  v.require("rootfs", r.rootfs);
  v.require("created", r.created);
  v.member("owner", r.owner);
  v.require("pid", r.pid);
  v.require("startTime", r.start_time);
  const auto group = v.at("cgroup");
  std::string driver;
  group.require("driver", driver);
  r.cgroup.driver = driver == "systemd" ? cgroup::Driver::systemd : cgroup::Driver::cgroupfs;
  group.member("rootless", r.cgroup.rootless);
  group.member("pending", r.cgroup.pending);
  group.member("scope", r.cgroup.scope);
  group.require("paths", r.cgroup.paths);
  v.member("closDirectory", r.intel_rdt.clos_directory);
  v.member("monDirectory", r.intel_rdt.mon_directory);
  v.member("annotations", r.annotations);
  v.member("sessionKeyring", r.session_keyring);
  v.member("notifySocket", r.notify_socket);
  if (const auto updated = v.find("updatedResources")) {
    spec::Resources resources;
    spec::read(*updated, resources);
    r.devices = std::move(resources.devices);
  }
  return r;
}

Error does_not_exist(const std::string& id) {
  return Error(cat("container \"", printable(id), "\" does not exist"), ENOENT);
}

}  // namespace

std::string_view name(Status status) {
  constexpr std::string_view names[] = {"creating", "created", "running", "paused", "stopped"};
  return names[static_cast<int>(status)];
}

void check_container_id(const std::string& id) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
  const auto refuse = [&](std::string_view why) {
    return Error(cat("invalid container ID \"", printable(id, 64), "\": ", why));
  };
  if (id.empty()) throw refuse("it is empty");
  if (id.size() > 255) throw refuse(cat("it has ", id.size(), " bytes, the most is 255"));
  if (id == "." || id == "..") throw refuse("it names a directory");
  if (id.find_first_not_of(allowed) != std::string::npos) {
    throw refuse("only letters, digits, \"_\", \"+\", \"-\" and \".\" are allowed");
  }
}

std::string Container::path(const std::string& file) const {
  return cat(root_, "/", record_.id, "/", file);
}

Container Container::make(const std::string& root, Record record) {
  check_container_id(record.id);
  const std::string directory = cat(root, "/", record.id);
  bool made = ::mkdir(directory.c_str(), 0700) == 0;
  if (!made && errno == ENOENT) {
    make_directories(root, 0700);
    made = ::mkdir(directory.c_str(), 0700) == 0;
  }
  if (!made && errno == EEXIST) {
    throw Error(cat("container with id exists: \"", record.id, "\" is in use"), EEXIST)
        .hint(cat("choose another ID, or remove it: delete ", record.id));
  }
  if (!made) throw system_error(cat("mkdir ", directory));
  Container container(root, std::move(record));
  container.directory_ = open_path(directory, O_RDONLY | O_DIRECTORY);
  return container;
}

Container Container::broken(const std::string& root, const std::string& id) {
  check_container_id(id);
  Record record;
  record.id = id;
  Container container(root, std::move(record));
  container.directory_.reset(
      ::open(container.path("").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!container.directory_) throw does_not_exist(id);
  return container;
}

Container Container::load(const std::string& root, const std::string& id) {
  Container container = broken(root, id);
  const auto text = read_file_if_exists(container.directory_.get(), "state.json", largest_state);
  if (!text && container.comes_or_goes()) throw does_not_exist(id);
  try {
    if (!text) throw Error(cat(container.path("state.json"), ": is missing"));
    container.record_ = read_record(std::move(*text), container.path("state.json"));
    if (container.record_.id != id)
      throw Error(cat(container.path("state.json"), ": is of another container"));
  } catch (Error& error) {
    throw Error(error.message(), EBADMSG).hint(cat("remove what is left of it: delete --force ", id));
  }
  return container;
}

bool Container::comes_or_goes() const {
  if (::faccessat(directory_.get(), "lock", F_OK, 0) < 0) return true;
  try {
    return !FileLock::attempt(directory_.get(), "lock", FileLock::Mode::shared);
  } catch (const Error& error) {
    if (error.errno_value() == ENOENT) return true;
    throw;
  }
}

std::vector<std::string> Container::list(const std::string& root) {
  std::vector<std::string> ids;
  DIR* dir = ::opendir(root.c_str());
  if (dir == nullptr) {
    if (errno == ENOENT) return ids;
    throw system_error(cat("open ", root));
  }
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.' || entry->d_name[1] != '\0') {
      const std::string id = entry->d_name;
      struct stat st {};
      if (id == ".." || ::fstatat(::dirfd(dir), id.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
      if (S_ISDIR(st.st_mode)) ids.push_back(id);
    }
  }
  ::closedir(dir);
  std::sort(ids.begin(), ids.end());
  return ids;
}

void Container::save() const {
  replace_file(directory_.get(), "state.json", write_record(record_), 0600);
}

void Container::save_config(const std::string& text) const {
  replace_file(directory_.get(), "config.json", text, 0600);
}

spec::Config Container::config() const {
  auto text = read_file_if_exists(directory_.get(), "config.json", 16u << 20);
  if (!text) throw Error(cat(path("config.json"), ": is missing"));
  return spec::parse_config(std::move(*text), path("config.json"));
}

FileLock Container::lock(FileLock::Mode mode) const {
  try {
    FileLock lock = FileLock::wait(directory_.get(), "lock", mode);
    struct stat held {
    }, named{};
    if (::fstat(directory_.get(), &held) == 0 && ::stat(path("").c_str(), &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
      return lock;
    }
  } catch (Error& error) {
    // The directory was deleted under our hands: nothing can be made in it.
    if (error.errno_value() != ENOENT) throw;
  }
  throw does_not_exist(record_.id);
}

bool Container::init_alive() const {
  if (record_.pid <= 0) return false;
  const auto info = sys::process_info(record_.pid);
  return info && info->start_time == record_.start_time && info->state != 'Z' && info->state != 'X';
}

UniqueFd Container::init_pidfd() const {
  if (record_.pid <= 0) return UniqueFd();
  // First the pidfd, then the look: from then on it can't become another process.
  UniqueFd pidfd = sys::open_pidfd(record_.pid);
  if (!pidfd || !init_alive()) return UniqueFd();
  return pidfd;
}

bool Container::waits_for_start() const {
  return StartGate::is_waiting(directory_.get());
}

Status Container::status() const {
  if (record_.pid == 0) {
    // Whoever makes it holds the lock; without a maker it is what a crash has left.
    return FileLock::attempt(directory_.get(), "lock", FileLock::Mode::shared) ? Status::stopped
                                                                               : Status::creating;
  }
  if (!init_alive()) return Status::stopped;
  if (waits_for_start()) return Status::created;
  return cgroups().frozen() ? Status::paused : Status::running;
}

spec::State Container::oci_state(std::string_view status) const {
  spec::State state;
  state.id = record_.id;
  state.status = status;
  state.pid = status == "stopped" ? 0 : record_.pid;
  state.bundle = record_.bundle;
  state.annotations = record_.annotations;
  return state;
}

cgroup::Manager& Container::need_cgroups(std::string_view verb) const {
  if (!cgroups().exists() && init_alive()) {
    throw Error(cat("cannot ", verb, " container \"", record_.id, "\": it has no cgroup of its own"))
        .hint("the user who started it may make none: have one delegated (cgroups(7))");
  }
  return cgroups();
}

cgroup::Manager& Container::cgroups() const {
  if (!cgroups_) cgroups_ = cgroup::Manager::load(record_.cgroup);
  return *cgroups_;
}

void Container::remove_directory() {
  const UniqueFd root = open_path(root_, O_RDONLY | O_DIRECTORY);
  // An exec that comes in at this moment makes the lock file anew, to find that the container is gone.
  constexpr int tries = 16;
  for (int i = 1;; ++i) {
    try {
      return remove_tree(root.get(), record_.id);
    } catch (const Error& error) {
      if (error.errno_value() != ENOTEMPTY || i == tries) throw;
    }
  }
}

}  // namespace rocker
