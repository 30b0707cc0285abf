#include "rocker-image/file_table.hh"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "rocker-image/scratch.hh"
#include "spec/support/error.hh"

namespace rocker {

namespace {

constexpr std::size_t few = 2048;
constexpr std::uint64_t row = 128;  // records that are written or read at once: 9 KiB
constexpr std::uint64_t last_place = std::numeric_limits<off_t>::max() / sizeof(FileRecord) - row;

off_t place_of(std::uint64_t inode) {
  return static_cast<off_t>(inode * sizeof(FileRecord));
}

}  // namespace

void FileTable::add(std::uint64_t inode, const FileRecord& record) {
  if (!file_ && count_ == most_in_memory_) spill();
  if (file_) {
    put(inode, record);
    return;
  }
  if (count_ == room_) grow();
  ++count_;
  lines().back() = {inode, count_, record};
}

std::span<FileTable::Line> FileTable::lines() const {
  return {memory_ ? reinterpret_cast<Line*>(memory_->data()) : nullptr, count_};
}

// Once, from what most imports need to all that there may be.
void FileTable::grow() {
  room_ = room_ == 0 ? std::min(few, most_in_memory_) : most_in_memory_;
  auto larger = std::make_unique<Pages>(room_ * sizeof(Line));
  std::ranges::copy(lines(), reinterpret_cast<Line*>(larger->data()));
  memory_ = std::move(larger);
}

void FileTable::spill() {
  file_ = scratch_file(folder_);
  for (const auto& line : lines()) put(line.inode, line.record);
  memory_.reset();
  count_ = 0;
}

void FileTable::put(std::uint64_t inode, const FileRecord& record) {
  if (inode > last_place) {
    beyond_[inode] = record;
    return;
  }
  if (inode != run_start_ + run_.size() || run_.size() == row) {
    write_run();
    run_start_ = inode;
  }
  run_.push_back(record);
}

void FileTable::write_run() {
  const char* data = reinterpret_cast<const char*>(run_.data());
  const std::size_t size = run_.size() * sizeof(FileRecord);
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote =
        ::pwrite(file_.get(), data + done, size - done, place_of(run_start_) + static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EFBIG) {
      for (std::size_t i = 0; i < run_.size(); ++i) beyond_[run_start_ + i] = run_[i];
      break;
    }
    if (wrote < 0) throw system_error("write what became of the files");
    done += static_cast<std::size_t>(wrote);
  }
  run_.clear();
}

void FileTable::finish() {
  if (file_) {
    write_run();
    return;
  }
  const auto less = [](const Line& a, const Line& b) {
    return a.inode != b.inode ? a.inode < b.inode : a.order < b.order;
  };
  // A file system gives out inodes in order, most of the time.
  const auto all = lines();
  if (!std::is_sorted(all.begin(), all.end(), less)) std::sort(all.begin(), all.end(), less);
}

const FileRecord* FileTable::find(std::uint64_t inode) {
  if (!file_) {
    const auto all = lines();
    // The last one of that inode.
    const auto is_it = [&](std::size_t at) {
      return at < all.size() && all[at].inode == inode &&
             (at + 1 == all.size() || all[at + 1].inode != inode);
    };
    if (is_it(found_)) return &all[found_].record;
    if (is_it(found_ + 1)) return &all[++found_].record;
    const auto after =
        std::upper_bound(all.begin(), all.end(), inode,
                         [](std::uint64_t wanted, const Line& line) { return wanted < line.inode; });
    if (after == all.begin() || std::prev(after)->inode != inode) return nullptr;
    found_ = static_cast<std::size_t>(after - all.begin()) - 1;
    return &all[found_].record;
  }
  if (const auto found = beyond_.find(inode); found != beyond_.end()) return &found->second;
  if (inode > last_place) return nullptr;
  const std::uint64_t start = inode / row * row;
  if (window_.empty() || window_start_ != start) {
    window_.assign(row, FileRecord{});
    window_start_ = start;
    char* data = reinterpret_cast<char*>(window_.data());
    // Behind the end of the file there is nothing, as in a hole.
    for (std::size_t done = 0; done < row * sizeof(FileRecord);) {
      const ssize_t got = ::pread(file_.get(), data + done, row * sizeof(FileRecord) - done,
                                  place_of(start) + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("read what became of the files");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
  }
  const FileRecord& record = window_[inode - start];
  return record.mode == 0 ? nullptr : &record;
}

}  // namespace rocker
