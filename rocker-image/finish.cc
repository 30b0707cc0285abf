#include "rocker-image/finish.hh"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "rocker-image/walk.hh"
#include "rocker-image/xattr_digest.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

class Counter : public TreeVisitor {
 public:
  void enter(const Node& node, int) override {
    count(node);
    if (!node.path.empty()) ++totals.entries;
  }
  void leaf(const Node& node) override {
    count(node);
    ++totals.entries;
    totals.size += static_cast<std::uint64_t>(node.st.st_size);
  }

  // What was set of it since it was counted may have taken blocks.
  void recount(const Node& node, const struct stat& st) {
    totals.disk_usage += static_cast<std::uint64_t>(st.st_blocks - node.st.st_blocks) * 512;
  }

  TreeTotals totals;

 private:
  void count(const Node& node) {
    if (!S_ISDIR(node.st.st_mode) && node.st.st_nlink > 1 && !seen_.insert(node.st.st_ino).second) return;
    totals.disk_usage += static_cast<std::uint64_t>(node.st.st_blocks) * 512;
  }
  std::unordered_set<std::uint64_t> seen_;
};

const DirectoryRecord* find_record(const DirectoryRecords& records, std::uint64_t inode) {
  const auto found = records.find(inode);
  return found == records.end() ? nullptr : &found->second;
}

// ext3, ext4 with inodes of 128 bytes, FAT and others keep whole seconds, NTFS tenths of microseconds.
bool keeps_nanoseconds(int directory_fd) {
  struct stat before {
  }, st{};
  if (::fstat(directory_fd, &before) < 0) throw system_error("stat");
  const timespec odd[] = {{0, UTIME_OMIT}, {1, 999'999'999}}, again[] = {{0, UTIME_OMIT}, before.st_mtim};
  if (::futimens(directory_fd, odd) < 0 || ::fstat(directory_fd, &st) < 0 ||
      ::futimens(directory_fd, again) < 0)
    throw system_error("set the time");
  return st.st_mtim.tv_sec == odd[1].tv_sec && st.st_mtim.tv_nsec == odd[1].tv_nsec;
}

// Whether a directory of this file system says the inodes that stat(2) says, and a file that is still open
// has the blocks that it keeps: overlayfs may not do the one, and XFS takes back what it gave ahead of the
// end.
bool names_have_inodes(int fd) {
  struct statfs fs {};
  if (::fstatfs(fd, &fs) < 0) throw system_error("statfs");
  return fs.f_type == TMPFS_MAGIC || fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC;
}

class Finisher : public Counter {
 public:
  Finisher(const Extractor& extractor, bool xattrs_inherited, bool exact_times, bool inodes_in_names,
           FileTable& files, const Ownership& ownership, ManifestWriter* manifest, Tally& tally)
      : directories_(extractor.directories()),
        with_xattrs_(extractor.with_xattrs()),
        hard_linked_(extractor.hard_linked()),
        xattrs_inherited_(xattrs_inherited),
        exact_times_(exact_times),
        inodes_in_names_(inodes_in_names),
        files_(files),
        ownership_(ownership),
        manifest_(manifest),
        tally_(tally) {}

  void enter(const Node& node, int fd) override {
    Counter::enter(node, fd);
    if (manifest_ == nullptr) return;
    ManifestLine& line = line_;
    describe_node(node, line);
    const auto* record = find_record(directories_, node.st.st_ino);
    if (record != nullptr) {
      line.mode = record->attributes.mode;
      const auto& wanted = record->attributes;
      if (ownership_.may_own(wanted.uid, wanted.gid)) line.uid = wanted.uid, line.gid = wanted.gid;
      const timespec time = time_on_disk(fd, record->attributes.mtime);
      line.seconds = time.tv_sec;
      line.nanoseconds = time.tv_nsec;
    }
    if (xattrs_inherited_ || (record != nullptr && any_in_manifest(record->attributes)))
      rooms_[node.st.st_ino] = {manifest_->add_with_room(line), line};
    else
      manifest_->add(line);
  }

  void leave(const Node& node, int fd) override {
    const auto* record = find_record(directories_, node.st.st_ino);
    if (record != nullptr) {
      with_context(
          [&] { return cat("directory \"", printable(node.path), "\""); },
          [&] { apply_attributes(fd, record->attributes, ownership_, node.st.st_mode & 07777, tally_); });
    }
    const auto found = rooms_.find(node.st.st_ino);
    if (found == rooms_.end() && (record == nullptr || record->attributes.xattrs.empty())) return;
    struct stat st {};
    if (::fstat(fd, &st) < 0) throw system_error("stat");
    recount(node, st);
    if (found == rooms_.end()) return;
    auto& [room, line] = found->second;
    line.mode = st.st_mode & 07777;
    line.xattrs = xattr_digest(fd, node.lock);
    manifest_->fill(room, line);
    rooms_.erase(found);
  }

  bool recall(std::uint64_t inode, struct stat& st) override {
    // How many names it has, and whether it was counted, only the file system knows.
    if (!inodes_in_names_ || hard_linked_.contains(inode)) return false;
    const FileRecord* file = files_.find(inode);
    if (file == nullptr) return false;
    st = {};
    st.st_ino = inode;
    st.st_nlink = 1;
    st.st_mode = file->mode;
    st.st_uid = file->uid;
    st.st_gid = file->gid;
    st.st_size = static_cast<off_t>(file->size);
    st.st_blocks = static_cast<blkcnt_t>(file->blocks);
    st.st_mtim = {file->seconds, static_cast<long>(file->nanoseconds)};
    return true;
  }

  void leaf(const Node& node) override {
    Counter::leaf(node);
    if (manifest_ == nullptr) return;
    describe_node(node, line_);
    if (S_ISREG(node.st.st_mode)) {
      if (const auto* file = files_.find(node.st.st_ino)) line_.digest = file->digest;
    }
    // Read back: not all that the archive has can be set by everybody and everywhere.
    if (xattrs_inherited_ || with_xattrs_.contains(node.st.st_ino)) line_.xattrs = xattr_digest(node);
    manifest_->add(line_);
  }

 private:
  // A file system has limits of its own (ext4: the year 2446), and what is beyond them becomes the limit.
  timespec time_on_disk(int fd, const timespec& wanted) const {
    if (exact_times_ && wanted.tv_sec >= 0 && wanted.tv_sec <= INT32_MAX) return wanted;
    const timespec times[] = {{0, UTIME_OMIT}, wanted};
    struct stat st {};
    if (::futimens(fd, times) < 0 || ::fstat(fd, &st) < 0) throw system_error("set the time");
    return st.st_mtim;
  }

  const DirectoryRecords& directories_;
  const InodeSet &with_xattrs_, &hard_linked_;
  bool xattrs_inherited_, exact_times_, inodes_in_names_;
  // In the manifest, of directories that the walk is in, by inode.
  std::unordered_map<std::uint64_t, std::pair<ManifestWriter::Room, ManifestLine>> rooms_;
  ManifestLine line_;  // its memory is used again
  FileTable& files_;
  const Ownership& ownership_;
  ManifestWriter* manifest_;
  Tally& tally_;
};

}  // namespace

TreeTotals finish_tree(int root_fd, const Extractor& extractor, FileTable& files, const Ownership& ownership,
                       ManifestWriter* manifest, Tally& tally) {
  // A store below a directory with a default ACL gives each file one.
  const bool inherited = manifest != nullptr && xattr_digest(root_fd).has_value();
  Finisher finisher(extractor, inherited, manifest == nullptr || keeps_nanoseconds(root_fd),
                    names_have_inodes(root_fd), files, ownership, manifest, tally);
  walk(root_fd, finisher);
  if (manifest != nullptr) manifest->finish();
  return finisher.totals;
}

TreeTotals count_tree(int root_fd) {
  Counter counter;
  walk(root_fd, counter);
  return counter.totals;
}

}  // namespace rocker
