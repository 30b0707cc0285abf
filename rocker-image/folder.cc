#include "rocker-image/folder.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "rocker-image/attributes.hh"
#include "rocker-image/walk.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// Each level of a folder has a descriptor open.
constexpr std::size_t deepest = 512;

// Zeros in place of what is not there would be a damage that nobody sees.
Error became_shorter() {
  return Error("became shorter while it was read, or has less in it than its size says")
      .hint("import a folder that nothing writes to, and none of the kernel's");
}

// Null when it has gone away since it was looked at.
UniqueFd open_again(int dir_fd, const std::string& name, int flags) {
  UniqueFd fd(::openat(dir_fd, name.c_str(), flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno != ENOENT) throw system_error(cat("open ", printable(name)));
  return fd;
}

}  // namespace

FolderSource::FolderSource(int root_fd, const std::string& left_out) : root_(root_fd) {
  struct stat st {};
  if (::fstat(root_fd, &st) < 0) throw system_error("stat");
  device_ = st.st_dev;
  mount_ = mount_id_of(root_fd);
  if (::stat(left_out.c_str(), &st) == 0) {
    left_out_device_ = st.st_dev;
    left_out_inode_ = st.st_ino;
  }
}

bool FolderSource::next(Entry& entry) {
  if (!started_) {
    started_ = true;
    describe(root_, ".", "", entry);
    return true;
  }
  file_.reset();
  while (!levels_.empty()) {
    auto& level = levels_.back();
    if (level.at == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    const std::string name = level.names[level.at++];
    const std::string path = level.path.empty() ? name : cat(level.path, "/", name);
    if (excluded_ && excluded_(path)) continue;
    const int fd = level.fd.get();
    if (with_context([&] { return cat("\"", printable(path), "\""); },
                     [&] { return describe(fd, name, path, entry); })) {
      return true;
    }
  }
  return false;
}

bool FolderSource::is_mounted(int fd, const struct stat& st) const {
  if (mount_ && mount_id_of(fd) != mount_) return true;
  // A file of an overlay may have another device than its directory.
  return S_ISDIR(st.st_mode) && st.st_dev != device_;
}

// False when it has gone away meanwhile, or is not of the folder.
bool FolderSource::describe(int dir_fd, const std::string& name, const std::string& path, Entry& entry) {
  using Type = Entry::Type;
  entry = Entry();
  entry.path = path.empty() ? "." : path;
  const UniqueFd handle(::openat(dir_fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (!handle && errno == ENOENT) return false;
  if (!handle || ::fstat(handle.get(), &st) < 0) throw system_error("open");
  if (left_out_inode_ != 0 && st.st_ino == left_out_inode_ && st.st_dev == left_out_device_) {
    if (path.empty()) throw Error("is the store itself");
    return false;
  }
  const bool mounted = is_mounted(handle.get(), st);
  if (mounted) {
    ++mounts_;
    if (!S_ISDIR(st.st_mode)) return false;
  }
  entry.attributes.mode = st.st_mode & 07777;
  entry.attributes.uid = st.st_uid;
  entry.attributes.gid = st.st_gid;
  entry.attributes.mtime = st.st_mtim;
  entry.device = st.st_rdev;
  if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
    const auto [first, fresh] = linked_.emplace(std::pair(st.st_dev, st.st_ino), path);
    if (!fresh) {
      entry.type = Type::hardlink;
      entry.target = first->second;
      return true;
    }
  }
  entry.attributes.xattrs = read_xattrs(handle.get());
  switch (st.st_mode & S_IFMT) {
    case S_IFDIR: {
      if (levels_.size() == deepest)
        throw Error(cat("directories are nested deeper than ", deepest, " levels"));
      entry.type = Type::directory;
      if (mounted) break;
      UniqueFd fd = open_again(dir_fd, name, O_DIRECTORY);
      if (!fd) return false;
      auto names = names_in_folder(fd.get());
      levels_.push_back({std::move(fd), std::move(names), 0, path});
      break;
    }
    case S_IFREG:
      entry.type = Type::file;
      file_ = open_again(dir_fd, name, O_NONBLOCK);
      if (!file_) {
        // Another name of it may still be there.
        linked_.erase({st.st_dev, st.st_ino});
        return false;
      }
      offset_ = 0;
      size_ = entry.size = static_cast<std::uint64_t>(st.st_size);
      break;
    case S_IFLNK:
      entry.type = Type::symlink;
      entry.target = read_link_at(dir_fd, name);
      break;
    case S_IFCHR: entry.type = Type::character; break;
    case S_IFBLK: entry.type = Type::block; break;
    case S_IFIFO: entry.type = Type::fifo; break;
    default: entry.type = Type::socket; break;
  }
  return true;
}

bool FolderSource::data(Chunk& chunk) {
  if (!file_ || offset_ >= size_) return false;
  // Holes stay holes.
  const off_t start = ::lseek(file_.get(), static_cast<off_t>(offset_), SEEK_DATA);
  if (start < 0 && errno == ENXIO) {
    // No more data: a hole up to the end, or the end has come nearer.
    struct stat st {};
    if (::fstat(file_.get(), &st) < 0) throw system_error("stat");
    if (static_cast<std::uint64_t>(st.st_size) < size_) throw became_shorter();
    return false;
  }
  if (start > 0) offset_ = static_cast<std::uint64_t>(start);
  if (offset_ >= size_) return false;  // it has grown
  const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(BlockPool::block_size, size_ - offset_));
  auto block = Block::make(want);
  for (;;) {
    const ssize_t got = ::pread(file_.get(), block->memory, want, static_cast<off_t>(offset_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read");
    if (got == 0) throw became_shorter();
    block->size = static_cast<std::size_t>(got);
    break;
  }
  chunk.data = block->memory;
  chunk.size = block->size;
  chunk.offset = offset_;
  offset_ += block->size;
  chunk.block = std::move(block);
  return true;
}

}  // namespace rocker
