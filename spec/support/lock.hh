#pragma once

#include <string>

#include "spec/support/fd.hh"

namespace rocker {

// A lock on a file, held by an open file description (fcntl_locking(2), "Open file description locks"): it
// serialises processes and is gone when its holder is, however it died. The file stays.
class FileLock {
 public:
  enum class Mode { shared, exclusive };

  FileLock() = default;

  // Makes the file when it is missing (mode 0600) and waits for the lock.
  static FileLock wait(int dir_fd, const std::string& name, Mode mode);

  // The same without waiting: an empty lock when somebody else holds it.
  static FileLock attempt(int dir_fd, const std::string& name, Mode mode);

  // A shared lock on a file that exists and is only read: it may be on a read-only file system.
  static FileLock share(int dir_fd, const std::string& name);

  // Whether anybody holds a lock on the file; nobody does when there is no such file.
  static bool is_held(int dir_fd, const std::string& name);

  explicit operator bool() const { return static_cast<bool>(fd_); }
  void release() { fd_.reset(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace rocker
