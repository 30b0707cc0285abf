#include "rocker-image/scratch.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

UniqueFd scratch_file(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    // NFS, among others: by a name that is taken away at once.
    std::string path = cat(folder, "/scratch-XXXXXX");
    fd.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (fd) ::unlink(path.c_str());
  }
  if (!fd) throw system_error(cat("make a file in ", folder));
  return fd;
}

}  // namespace rocker
