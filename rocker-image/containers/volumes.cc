#include "rocker-image/containers/volumes.hh"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

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
  make_directories(cat(root, "/volumes"), 0711);
  const std::string data = cat(volume_directory(root, name), "/_data");
  make_directories(data, 0755);
  return data;
}

void remove_volume(const std::string& root, const std::string& name) {
  remove_tree(AT_FDCWD, volume_directory(root, name));
}

}  // namespace rocker::containers
