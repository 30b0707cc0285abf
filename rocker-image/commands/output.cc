#include "rocker-image/commands/output.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

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
  path_ = path;
  part_ = cat(path, ".", ::getpid(), ".part");
  fd_ = open_path(part_, O_WRONLY | O_CREAT | O_EXCL, 0666);
}

Output::~Output() {
  if (!part_.empty()) ::unlink(part_.c_str());
}

void Output::finish() {
  if (part_.empty()) return;
  if (::rename(part_.c_str(), path_.c_str()) < 0) throw system_error(cat("rename ", part_));
  part_.clear();
}

}  // namespace rocker
