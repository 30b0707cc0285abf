#include "rocker-image/verbs/cp_places.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rocker-image/walk.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::verbs {

namespace {

constexpr int most_links = 40;  // as the kernel has it (path_resolution(7))

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// Where a path leads, as the root's own processes see it.
std::string resolved(int root, const std::string& path, int flags) {
  const auto path_of = [](const UniqueFd& fd) {
    return read_link_at(AT_FDCWD, cat("/proc/self/fd/", fd.get()));
  };
  std::string whole = path_of(open_in_root(root, path, O_PATH | flags));
  const std::string top = path_of(open_in_root(root, "/", O_PATH));
  if (top != "/") whole.erase(0, top.size());
  return whole.empty() ? "/" : whole;
}

// The parent and the name of what a path leads to, which need not be there.
Parent parent_behind_links(int root, std::string path) {
  for (int links = 0; links <= most_links; ++links) {
    path = without_slashes(std::move(path));
    Parent parent = open_parent_in_root(root, path, false);
    struct stat st {};
    if (::fstatat(parent.dir.get(), parent.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISLNK(st.st_mode)) {
      return parent;
    }
    const std::string target = read_link_at(parent.dir.get(), parent.name);
    path = target.starts_with('/') ? target : cat(path.substr(0, path.rfind('/') + 1), target);
  }
  throw system_error(cat("open ", printable(path)), ELOOP);
}

}  // namespace

Source find_source(const Place& place, bool follow) {
  Source source;
  const bool contents = place.path == "." || place.path.ends_with("/.");
  const bool wants_folder = place.path.ends_with('/');
  std::string path = without_slashes(place.path);
  if (contents || path == "/") {
    source.directory = open_in_root(place.root, path, O_RDONLY | O_DIRECTORY);
    source.name = source.as = ".";
    source.is_directory = true;
    return source;
  }
  source.as = path.substr(path.rfind('/') + 1);
  if (follow || wants_folder) {
    path = with_context([&] { return printable(place.text); },
                        [&] { return resolved(place.root, path, wants_folder ? O_DIRECTORY : 0); });
  }
  if (path == "/") {
    source.directory = open_in_root(place.root, path, O_RDONLY | O_DIRECTORY);
    source.name = ".";
    source.is_directory = true;
    return source;
  }
  auto parent = open_parent_in_root(place.root, path, false);
  source.directory = std::move(parent.dir);
  source.name = std::move(parent.name);
  struct stat st {};
  if (::fstatat(source.directory.get(), source.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
    throw system_error(printable(place.text));
  source.is_directory = S_ISDIR(st.st_mode);
  return source;
}

void refuse_read_only(const Place& place, int fd) {
  struct statvfs fs {};
  if (!place.in_container || ::fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_RDONLY) == 0) return;
  const bool is_root = mount_id_of(fd) == mount_id_of(place.root);
  throw Error(cat(printable(place.text), ": ", is_root ? "container rootfs" : "mounted volume",
                  " is marked read-only"),
              EROFS);
}

Destination find_destination(const Place& place, const Source& source) {
  Destination out;
  const std::string& path = place.path;
  const bool wants_folder = path.ends_with('/') || path.ends_with("/.");
  out.folder = try_open_in_root(place.root, path, O_RDONLY | O_DIRECTORY);
  if (out.folder) {
    refuse_read_only(place, out.folder.get());
    out.name = source.as;
    return out;
  }
  if (errno != ENOENT && errno != ENOTDIR) throw system_error(printable(place.text));
  const UniqueFd there = try_open_in_root(place.root, path, O_PATH);
  const bool is_there = there || errno == ENOTDIR;
  if (is_there && source.is_directory)
    throw Error(cat(printable(place.text), ": is a file, the source is a folder"));
  if (!source.is_directory && wants_folder)
    throw Error(cat(printable(place.text), is_there ? ": not a directory" : ": no such directory"));
  Parent parent = with_context([&] { return printable(place.text); },
                               [&] { return parent_behind_links(place.root, path); });
  refuse_read_only(place, parent.dir.get());
  if (there && place.in_container && mount_id_of(there.get()) != mount_id_of(parent.dir.get())) {
    // To replace it would take the mount away from a container that runs.
    refuse_read_only(place, there.get());
    throw system_error(cat(printable(place.text), ": is a mount"), EBUSY)
        .hint("copy to its source on the host");
  }
  if (source.as == ".") {
    // The contents of a folder become a new folder.
    if (::mkdirat(parent.dir.get(), parent.name.c_str(), 0755) < 0) throw system_error(printable(place.text));
    out.folder = open_at(parent.dir.get(), parent.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    out.name = ".";
    return out;
  }
  out.folder = open_at(parent.dir.get(), ".", O_RDONLY | O_DIRECTORY);
  out.name = parent.name;
  return out;
}

}  // namespace rocker::verbs
