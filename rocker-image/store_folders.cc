#include "rocker-image/store_folders.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <bit>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker::store_folders {

std::vector<std::string> names_in(int dir_fd, const std::string& path) {
  std::vector<std::string> names;
  const UniqueFd dir(::openat(dir_fd, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) {
    if (errno == ENOENT || errno == ENOTDIR) return names;
    throw system_error(cat("open ", path));
  }
  // Not by opendir(3), which asks three things of each folder before it reads: a store may have thousands.
  alignas(dirent64) char buffer[32768];
  for (;;) {
    const ssize_t got = ::getdents64(dir.get(), buffer, sizeof buffer);
    // Of a directory that was removed meanwhile the kernel says that it is not there.
    if (got == 0 || (got < 0 && errno == ENOENT)) break;
    if (got < 0) throw system_error(cat("read ", path));
    for (const char* at = buffer; at < buffer + got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(at);
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
      at += entry->d_reclen;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> names_in(const std::string& path) {
  return names_in(AT_FDCWD, path);
}

std::optional<std::string> read_regular_if_exists(int dir_fd, const std::string& path, std::size_t most) {
  const UniqueFd fd(
      ::openat(dir_fd, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    if (errno == ELOOP) throw Error(cat(path, ": is a symbolic link, expected a regular file"));
    if (errno == ENXIO) throw Error(cat(path, ": is a socket or a device, expected a regular file"));
    throw system_error(cat("open ", path));
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) < 0) throw system_error(cat("stat ", path));
  if (!S_ISREG(st.st_mode)) {
    const char* kind = S_ISDIR(st.st_mode) ? "directory" : S_ISFIFO(st.st_mode) ? "FIFO" : "device";
    throw Error(cat(path, ": is a ", kind, ", expected a regular file"));
  }
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (size > most) return read_all(fd.get(), path, most);
  // An image.json is replaced and never changed: this is all of it, and the end need not be asked for.
  std::string text(static_cast<std::size_t>(size), '\0');
  text.resize(read_up_to(fd.get(), text.data(), text.size(), path));
  return text;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

bool is_directory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::string random_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) throw system_error("getrandom");
  return hexadecimal(number, 16);
}

// A folder of the store. The root itself can be passed by others, so that a container's root in a user
// namespace finds its way to its own files; images can't: they may hold set-user-ID programs with known
// holes.
std::string make_folder(const std::string& root, std::string_view name) {
  std::string path = cat(root, "/", name);
  if (!is_directory(path)) {
    if (!is_directory(root)) make_directories(root, 0711);
    make_directories(path, 0700);
  }
  return path;
}

bool is_generation(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

namespace {

// Nothing where what is on it does not outlast a boot, or where it has no identity.
std::string file_system_of(const std::string& path) {
  struct statfs st {};
  if (::statfs(path.c_str(), &st) < 0) return {};
  if (st.f_type == TMPFS_MAGIC || st.f_type == RAMFS_MAGIC) return {};
  static_assert(sizeof st.f_fsid == sizeof(std::uint64_t));
  const auto id = std::bit_cast<std::uint64_t>(st.f_fsid);
  return id == 0 ? std::string() : hexadecimal(id, 16);
}

}  // namespace

BundlePlace BundlePlace::of(const std::string& directory) {
  return {directory, file_system_of(directory)};
}

BundlePlace BundlePlace::parse(std::string_view text) {
  const auto nul = text.find('\0');
  if (nul == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, nul)), std::string(text.substr(nul + 1))};
}

std::string BundlePlace::text() const {
  return file_system.empty() ? directory : cat(directory, std::string_view("\0", 1), file_system);
}

bool BundlePlace::is_gone() const {
  struct stat st {};
  if (::stat(directory.c_str(), &st) == 0) return !S_ISDIR(st.st_mode);
  if (errno != ENOENT && errno != ENOTDIR) return false;
  if (file_system.empty()) return true;
  // Gone from its own file system, or with it?
  std::string above = directory;
  do {
    above.resize(std::max<std::size_t>(above.rfind('/'), 1));
  } while (above != "/" && !is_directory(above));
  return file_system_of(above) == file_system;
}

}  // namespace rocker::store_folders
