#include "rocker-image/output.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <iterator>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::string_view descriptors[] = {"/proc/self/fd/", "/dev/fd/"};

bool is_descriptor(std::string_view path) {
  return std::any_of(std::begin(descriptors), std::end(descriptors),
                     [&](std::string_view folder) { return path.starts_with(folder); });
}

// The file that a path's links lead to, which need not be there, or one of our own descriptors:
// /dev/stdout's.
std::string followed(std::string path) {
  for (int links = 0; links < 40; ++links) {
    if (is_descriptor(path)) return path;
    char target[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    if (length < 0) return path;
    const std::string_view text(target, static_cast<std::size_t>(length));
    path = text.starts_with('/') ? std::string(text) : cat(path.substr(0, path.rfind('/') + 1), text);
  }
  throw system_error(printable(path), ELOOP);
}

// As it is: opened once more it would begin at its front, whatever the shell's ">>" has said.
UniqueFd duplicate(const std::string& path) {
  long long number = 0;
  if (!parse_number(std::string_view(path).substr(path.rfind('/') + 1), number) || number > INT_MAX)
    throw system_error(printable(path), EBADF);
  UniqueFd fd(::fcntl(static_cast<int>(number), F_DUPFD_CLOEXEC, 3));
  if (!fd) throw system_error(printable(path));
  return fd;
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
  std::string target = followed(path);
  if (is_descriptor(target)) {
    fd_ = duplicate(target);
    return;
  }
  path_ = std::move(target);
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
