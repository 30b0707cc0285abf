#include "rocker-runc/cgroup/group.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "rocker-runc/cgroup/journal.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/wait.hh"

namespace rocker::cgroup {

namespace {

constexpr std::size_t most_of_a_file = 16u << 20;  // cgroup.procs of a group with a million processes

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// What a file takes, for the cases in which "Invalid argument" is all that the kernel says.
struct Takes {
  std::string_view file;
  int errno_value;
  std::string_view what;
};

constexpr Takes known_refusals[] = {
    {"cpu.cfs_period_us", EINVAL, "a period is 1000 to 1000000 microseconds"},
    {"cpu.cfs_quota_us", EINVAL,
     "a quota is at least 1000 microseconds, not below the burst, and its share of the period not above that "
     "of "
     "the group above"},
    {"cpu.cfs_burst_us", EINVAL, "a burst may not be larger than the quota"},
    {"cpu.max", EINVAL,
     "a quota is at least 1000 microseconds and a period 1000 to 1000000, and the quota not below the burst"},
    {"cpu.max.burst", EINVAL, "a burst may not be larger than the quota"},
    {"cpu.weight", EINVAL, "a weight is 1 to 10000"},
    {"cpu.weight", ERANGE, "a weight is 1 to 10000"},
    {"cpu.rt_runtime_us", EINVAL,
     "real-time runtime may not be above that of the group above (cpu.rt_runtime_us there), which is 0 "
     "unless set"},
    {"cpu.rt_runtime_us", EOPNOTSUPP, "this kernel schedules no real-time groups"},
    {"memory.use_hierarchy", EINVAL,
     "this kernel always counts what is below (since Linux 5.11): leave it out"},
    {"cpuset.cpus", EINVAL, "CPUs have to exist on this machine, in a form like 0-3,7"},
    {"cpuset.cpus", EACCES, "the group above has not all of these CPUs (cpuset.cpus there)"},
    {"cpuset.cpus", ENOSPC, "a group with processes in it needs a CPU"},
    {"cpuset.mems", EINVAL, "memory nodes have to exist on this machine, in a form like 0-1"},
    {"cpuset.mems", EACCES, "the group above has not all of these memory nodes (cpuset.mems there)"},
    {"cpuset.mems", ENOSPC, "a group with processes in it needs a memory node"},
    {"memory.limit_in_bytes", EBUSY, "more is in use than can be given back"},
    {"memory.limit_in_bytes", EINVAL, "memory may not be above memory and swap together"},
    {"memory.memsw.limit_in_bytes", EBUSY, "more is in use than can be given back"},
    {"memory.memsw.limit_in_bytes", EINVAL, "memory and swap together may not be below memory alone"},
    {"memory.memsw.limit_in_bytes", ENOENT, "swap is not accounted here; boot with swapaccount=1"},
    {"memory.swap.max", ENOENT, "swap is not accounted here; boot with swapaccount=1"},
    {"memory.swappiness", EINVAL, "swappiness is 0 to 100"},
    {"blkio.weight", EINVAL, "a weight is 10 to 1000"},
    {"blkio.bfq.weight", ERANGE, "a weight is 1 to 1000"},
    {"blkio.bfq.weight", EINVAL, "a weight is 1 to 1000"},
    {"io.bfq.weight", ERANGE, "a weight is 1 to 1000"},
    {"io.max", ENODEV, "the device has to be a whole disk that exists"},
    {"blkio.throttle.read_bps_device", ENODEV, "the device has to be a whole disk that exists"},
    {"blkio.throttle.write_bps_device", ENODEV, "the device has to be a whole disk that exists"},
    {"blkio.throttle.read_iops_device", ENODEV, "the device has to be a whole disk that exists"},
    {"blkio.throttle.write_iops_device", ENODEV, "the device has to be a whole disk that exists"},
    {"pids.max", EINVAL, "a limit is a number of tasks or max"},
    {"rdma.max", ENODEV, "the host has no RDMA device of that name"},
    {"rdma.max", EINVAL, "the host has no RDMA device of that name, or the limit is out of range"},
    {"net_prio.ifpriomap", ENODEV, "the host's network namespace has no interface of that name"},
    {"devices.allow", EPERM, "the group above does not allow it"},
    {"devices.allow", EINVAL, "from a list to all devices there is no way while there are groups below"},
    {"devices.deny", EINVAL, "from all devices to a list there is no way while there are groups below"},
};

}  // namespace

std::optional<std::uint64_t> to_number(std::string_view text) {
  text = trim(text);
  if (text == "max") return std::numeric_limits<std::uint64_t>::max();
  unsigned long long value = 0;
  if (!parse_number(text, value)) return std::nullopt;
  return value;
}

int Group::fd() const {
  if (!dir_) dir_ = open_path(path_, O_RDONLY | O_DIRECTORY);
  return dir_.get();
}

bool Group::claim() const {
  return ::flock(fd(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

bool Group::exists() const {
  return ::access(path_.c_str(), F_OK) == 0;
}

bool Group::make(std::vector<std::string>* made) {
  // Upwards until something is there, then down again; as a rule the parent is there.
  std::vector<std::string> missing;
  std::string path = path_;
  for (;;) {
    if (::mkdir(path.c_str(), 0755) == 0) {
      made->push_back(path);
      if (missing.empty()) return true;
      path = std::move(missing.back());
      missing.pop_back();
      continue;
    }
    if (errno == EEXIST && missing.empty()) return false;
    if (errno == EEXIST) {  // somebody else was faster
      path = std::move(missing.back());
      missing.pop_back();
      continue;
    }
    const auto slash = path.rfind('/');
    if (errno != ENOENT || slash == 0 || slash == path.npos) {
      const int why = errno;
      Error error = system_error(cat("make the cgroup ", path), why);
      if (why == EROFS) error.hint("the cgroup file system is mounted read-only");
      if (why == EAGAIN) error.hint("cgroup.max.depth or cgroup.max.descendants of a group above is reached");
      if (why == EACCES || why == EPERM)
        error.hint("this user may not make groups there: no delegation (cgroups(7))");
      if (why == ENOSPC) error.hint("the kernel has no room for more groups of this hierarchy");
      throw error;
    }
    std::string parent = path.substr(0, slash);
    missing.push_back(std::exchange(path, std::move(parent)));
  }
}

int Group::try_write(std::string_view file, std::string_view value) const {
  const std::string name(file);
  const UniqueFd out(::openat(fd(), name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!out) return errno;
  std::optional<std::string> before;
  if (journal_ != nullptr) {
    try {
      before = read_if_exists(file);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): one that is only written to
    }
  }
  while (::write(out.get(), value.data(), value.size()) < 0) {
    if (errno != EINTR) return errno;
  }
  if (journal_ != nullptr) journal_->wrote(*this, file, value, std::move(before));
  return 0;
}

Error Group::write_error(std::string_view file, std::string_view value, int errno_value) const {
  const auto base = file.substr(file.rfind('/') + 1);  // also "below/cgroup.procs"
  const auto controller = base.substr(0, base.find('.'));
  Error error = system_error(
      cat("cgroup ", controller, ": write \"", printable(trim(value)), "\" to ", path_, "/", file),
      errno_value);
  for (const auto& known : known_refusals) {
    if (known.file == file && known.errno_value == errno_value) error.hint(std::string(known.what));
  }
  if (file == "memory.limit_in_bytes" && errno_value == EBUSY) {
    if (const auto usage = number("memory.usage_in_bytes")) {
      error.hint(cat(*usage, " bytes are in use and can't be given back"));
    }
  }
  return error;
}

void Group::write(std::string_view file, std::string_view value) const {
  if (const int why = try_write(file, value); why != 0) throw write_error(file, value, why);
}

void Group::write_settled(std::vector<Setting> settings) const {
  while (!settings.empty()) {
    std::vector<Setting> refused;
    for (auto& setting : settings) {
      const int why = try_write(setting.file, setting.value);
      if (why == 0) continue;
      if (why != EINVAL || settings.size() == 1) throw write_error(setting.file, setting.value, why);
      refused.push_back(std::move(setting));
    }
    if (refused.size() == settings.size()) {
      throw write_error(refused.front().file, refused.front().value, EINVAL);
    }
    settings = std::move(refused);
  }
}

std::optional<std::string> Group::read_if_exists(std::string_view file) const {
  const std::string name(file);
  const UniqueFd in(::openat(fd(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) {
    if (errno == ENOENT) return std::nullopt;
    throw system_error(cat("open ", path_, "/", file));
  }
  char buffer[4096];
  ssize_t got = ::read(in.get(), buffer, sizeof buffer);
  // Files that are there but have nothing to say, as memory.swap.* or cpu.pressure where it is switched off.
  if (got < 0 && (errno == EOPNOTSUPP || errno == ENODEV)) return std::nullopt;
  if (got < 0) throw system_error(cat("read ", path_, "/", file));
  std::string text(buffer, static_cast<std::size_t>(got));
  if (got > 0) text += read_all(in.get(), cat(path_, "/", file), most_of_a_file);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string Group::read(std::string_view file) const {
  auto text = read_if_exists(file);
  if (!text) throw system_error(cat("open ", path_, "/", file), ENOENT);
  return std::move(*text);
}

std::optional<std::uint64_t> Group::number(std::string_view file) const {
  const auto text = read_if_exists(file);
  return text ? to_number(*text) : std::nullopt;
}

std::optional<std::uint64_t> Group::number(std::string_view file, std::string_view key) const {
  const auto text = read_if_exists(file);
  if (!text) return std::nullopt;
  for (const auto line : split(*text, '\n')) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      return to_number(line.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

std::vector<pid_t> Group::processes(bool deep, std::string_view file) const {
  std::vector<pid_t> pids;
  const auto collect = [&](const std::string& name) {
    std::optional<std::string> text;
    try {
      text = read_if_exists(name);
    } catch (const Error& error) {
      // Gone in the meantime, or a threaded group, whose processes the group above lists.
      if (error.errno_value() != ENODEV && error.errno_value() != EOPNOTSUPP) throw;
    }
    if (!text) return;
    for (const auto line : split(*text, '\n')) {
      long long pid = 0;
      // 0: a process that is not in the pid namespace of the caller.
      if (parse_number(line, pid) && pid > 0) pids.push_back(static_cast<pid_t>(pid));
    }
  };
  collect(std::string(file));
  if (deep) {
    for (const auto& child : below()) collect(cat(child, "/", file));
  }
  return pids;
}

bool Group::empty() const {
  const auto text = read_if_exists("cgroup.procs");
  return !text || text->empty();
}

std::vector<std::string> Group::below() const {
  std::vector<std::string> found;
  std::vector<std::string> open{""};
  while (!open.empty()) {
    const std::string at = std::move(open.back());
    open.pop_back();
    const int fd = ::openat(this->fd(), at.empty() ? "." : at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) continue;
    // A directory has a link a group below it.
    struct stat st {};
    if (::fstat(fd, &st) == 0 && st.st_nlink == 2) {
      ::close(fd);
      continue;
    }
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd));
    if (!dir) {
      ::close(fd);
      continue;
    }
    while (const dirent* entry = ::readdir(dir.get())) {
      if (entry->d_type != DT_DIR || std::strcmp(entry->d_name, ".") == 0 ||
          std::strcmp(entry->d_name, "..") == 0) {
        continue;
      }
      found.push_back(at.empty() ? entry->d_name : cat(at, "/", entry->d_name));
      open.push_back(found.back());
    }
  }
  // A group comes after all that are below it.
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    const auto depth = [](const std::string& path) { return std::count(path.begin(), path.end(), '/'); };
    return std::pair(-depth(a), std::string_view(a)) < std::pair(-depth(b), std::string_view(b));
  });
  return found;
}

bool Group::remove_if_empty(int deadline_ms) const {
  try {
    if (!claim()) return false;
  } catch (const Error& error) {
    if (error.errno_value() == ENOENT) return true;
    throw;
  }
  int why = 0;
  wait_until(deadline_ms, [&] {
    why = ::rmdir(path_.c_str()) == 0 ? 0 : errno;
    return why != EBUSY && why != ENOTEMPTY;
  });
  if (why == EBUSY || why == ENOTEMPTY) return false;
  if (why == 0 || why == ENOENT) return true;
  throw system_error(cat("remove the cgroup ", path_), why);
}

void Group::remove(int deadline_ms) const {
  int why = 0;
  const auto gone = [&] {
    why = ::rmdir(path_.c_str()) == 0 ? 0 : errno;
    return why != EBUSY && why != ENOTEMPTY;
  };
  // Busy: groups below, or processes that are not dead yet.
  const auto gone_with_all_below = [&] {
    if (gone()) return true;
    try {
      for (const auto& child : below()) ::unlinkat(fd(), child.c_str(), AT_REMOVEDIR);
    } catch (const Error& error) {
      if (error.errno_value() != ENOENT) throw;
    }
    return gone();
  };
  const bool in_time = wait_until(deadline_ms, gone_with_all_below);
  if (why == 0 || why == ENOENT) return;
  Error error = system_error(cat("remove the cgroup ", path_), why);
  if (!in_time) {
    const auto left = processes(true);
    std::vector<std::string> names;
    for (const pid_t pid : left) names.push_back(std::to_string(pid));
    if (names.size() > 8) names.resize(8), names.emplace_back("...");
    if (!names.empty()) error.hint(cat("there are still processes in it: ", join(names, " ")));
  }
  throw error;
}

}  // namespace rocker::cgroup
