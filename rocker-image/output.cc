#include "rocker-image/output.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <optional>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// The file that a path's links lead to, which need not be there; nothing when they lead to a descriptor, such
// as /dev/stdout's.
std::optional<std::string> followed(std::string path) {
  for (int links = 0; links < 40; ++links) {
    if (path.starts_with("/proc/") || path.starts_with("/dev/fd/")) return std::nullopt;
    char target[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    if (length < 0) return path;
    const std::string_view text(target, static_cast<std::size_t>(length));
    path = text.starts_with('/') ? std::string(text) : cat(path.substr(0, path.rfind('/') + 1), text);
  }
  throw system_error(printable(path), ELOOP);
}

}  // namespace

Output::Output(const std::string& path) {
  if (path.empty() || path == "-") {
    name_ = "standard output";
    if (::isatty(STDOUT_FILENO) != 0)
      throw Error("standard output is a terminal").hint("give --output FILE, or redirect it");
    fd_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd_) throw system_error(name_);
    return;
  }
  name_ = path;
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode)) {
    // A pipe or a device is written to as it is.
    fd_ = open_path(path, O_WRONLY);
    return;
  }
  const auto target = followed(path);
  if (!target) {
    fd_ = open_path(path, O_WRONLY | O_TRUNC);
    return;
  }
  path_ = *target;
  part_ = cat(path_, ".", ::getpid(), ".part");
  // Without a name where the file system has that: not even a kill -9 leaves it behind.
  const auto slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  fd_.reset(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  named_ = !fd_;
  if (named_) fd_ = open_path(part_, O_WRONLY | O_CREAT | O_EXCL, 0666);
}

Output::~Output() {
  if (named_) ::unlink(part_.c_str());
}

void Output::finish() {
  if (path_.empty()) return;
  // There is no link() that replaces what has the name.
  if (!named_) {
    if (::linkat(AT_FDCWD, cat("/proc/self/fd/", fd_.get()).c_str(), AT_FDCWD, part_.c_str(),
                 AT_SYMLINK_FOLLOW) < 0)
      throw system_error(cat("link ", part_));
    named_ = true;
  }
  if (::rename(part_.c_str(), path_.c_str()) < 0) throw system_error(cat("rename ", part_));
  named_ = false;
}

}  // namespace rocker
