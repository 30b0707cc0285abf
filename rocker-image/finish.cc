#include "rocker-image/finish.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <unordered_set>

#include "rocker-image/walk.hh"
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

class Finisher : public Counter {
 public:
  Finisher(const DirectoryRecords& directories, DigestTable& digests, const Ownership& ownership,
           ManifestWriter* manifest, Tally& tally)
      : directories_(directories),
        digests_(digests),
        ownership_(ownership),
        manifest_(manifest),
        tally_(tally) {}

  void enter(const Node& node, int fd) override {
    Counter::enter(node, fd);
    if (manifest_ == nullptr) return;
    auto line = manifest_line(node);
    if (const auto* record = find_record(directories_, node.st.st_ino)) {
      line.mode = record->attributes.mode;
      if (ownership_.any) line.uid = record->attributes.uid, line.gid = record->attributes.gid;
      const timespec time = time_on_disk(fd, record->attributes.mtime);
      line.seconds = time.tv_sec;
      line.nanoseconds = time.tv_nsec;
    }
    manifest_->add(line);
  }

  void leave(const Node& node, int fd) override {
    const auto* record = find_record(directories_, node.st.st_ino);
    if (record == nullptr) return;
    with_context(
        [&] { return cat("directory \"", printable(node.path), "\""); },
        [&] { apply_attributes(fd, record->attributes, ownership_, node.st.st_mode & 07777, tally_); });
  }

  void leaf(const Node& node) override {
    Counter::leaf(node);
    if (manifest_ == nullptr) return;
    auto line = manifest_line(node);
    if (S_ISREG(node.st.st_mode)) {
      if (const auto* digest = digests_.find(node.st.st_ino)) line.digest = *digest;
    }
    manifest_->add(line);
  }

 private:
  // A file system has limits of its own (ext4: the year 2446), and what is beyond them becomes the limit.
  static timespec time_on_disk(int fd, const timespec& wanted) {
    if (wanted.tv_sec >= 0 && wanted.tv_sec <= INT32_MAX) return wanted;
    const timespec times[] = {{0, UTIME_OMIT}, wanted};
    struct stat st {};
    if (::futimens(fd, times) < 0 || ::fstat(fd, &st) < 0) throw system_error("set the time");
    return st.st_mtim;
  }

  const DirectoryRecords& directories_;
  DigestTable& digests_;
  const Ownership& ownership_;
  ManifestWriter* manifest_;
  Tally& tally_;
};

}  // namespace

TreeTotals finish_tree(int root_fd, const DirectoryRecords& directories, DigestTable& digests,
                       const Ownership& ownership, ManifestWriter* manifest, Tally& tally) {
  Finisher finisher(directories, digests, ownership, manifest, tally);
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
