#include "rocker-image/file_table.hh"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "rocker-image/scratch.hh"
#include "spec/support/error.hh"

namespace rocker {

namespace {

constexpr std::size_t few_rows = 16;  // 144 KiB

off_t place_of(std::uint64_t inode) {
  return static_cast<off_t>(inode * sizeof(FileRecord));
}

}  // namespace

// All of its row has one.
bool FileTable::has_place(std::uint64_t inode) {
  return inode <= std::numeric_limits<off_t>::max() / sizeof(FileRecord) - row_length;
}

void FileTable::add(std::uint64_t inode, const FileRecord& record) {
  if (!has_place(inode)) {
    beyond_[inode] = record;
    return;
  }
  if (!file_) {
    Row* row = row_of(inode);
    if (row == nullptr) row = add_row(inode);
    if (row != nullptr) {
      (*row)[inode % row_length] = record;
      return;
    }
    spill();
  }
  put(inode, record);
}

FileTable::Row* FileTable::row_of(std::uint64_t inode) {
  const std::uint64_t row = inode / row_length;
  if (row == last_row_) return last_;
  const auto found = rows_.find(row);
  if (found == rows_.end()) return nullptr;
  last_row_ = row;
  last_ = reinterpret_cast<Row*>(memory_->data()) + found->second;
  return last_;
}

// Null when there is no room.
FileTable::Row* FileTable::add_row(std::uint64_t inode) {
  if (rows_.size() == most_rows_) return nullptr;
  if (rows_.size() == room_) {
    // Once, from what most imports need to all that there may be.
    room_ = room_ == 0 ? std::min(few_rows, most_rows_) : most_rows_;
    auto larger = std::make_unique<Pages>(room_ * sizeof(Row));
    if (memory_) std::memcpy(larger->data(), memory_->data(), rows_.size() * sizeof(Row));
    memory_ = std::move(larger);
    last_row_ = UINT64_MAX;
  }
  rows_.emplace(inode / row_length, rows_.size());
  return row_of(inode);
}

void FileTable::spill() {
  file_ = scratch_file(folder_);
  const auto* rows = reinterpret_cast<const Row*>(memory_ ? memory_->data() : nullptr);
  for (const auto& [row, at] : rows_) write_records(rows[at].data(), row_length, row * row_length);
  rows_.clear();
  memory_.reset();
  last_row_ = UINT64_MAX;
}

void FileTable::put(std::uint64_t inode, const FileRecord& record) {
  if (inode != run_start_ + run_.size() || run_.size() == row_length) {
    write_run();
    run_start_ = inode;
  }
  run_.push_back(record);
}

void FileTable::write_run() {
  write_records(run_.data(), run_.size(), run_start_);
  run_.clear();
}

void FileTable::write_records(const FileRecord* records, std::size_t count, std::uint64_t inode) {
  const char* data = reinterpret_cast<const char*>(records);
  const std::size_t size = count * sizeof(FileRecord);
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote =
        ::pwrite(file_.get(), data + done, size - done, place_of(inode) + static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EFBIG) {
      for (std::size_t i = 0; i < count; ++i) {
        if (records[i].mode != 0) beyond_[inode + i] = records[i];
      }
      return;
    }
    if (wrote < 0) throw system_error("write what became of the files");
    done += static_cast<std::size_t>(wrote);
  }
}

void FileTable::finish() {
  if (file_) write_run();
}

const FileRecord* FileTable::find(std::uint64_t inode) {
  if (const auto found = beyond_.find(inode); found != beyond_.end()) return &found->second;
  if (!has_place(inode)) return nullptr;
  const Row* row = &window_;
  if (!file_) {
    row = row_of(inode);
    if (row == nullptr) return nullptr;
  } else if (window_row_ != inode / row_length) {
    window_.fill({});
    window_row_ = inode / row_length;
    char* data = reinterpret_cast<char*>(window_.data());
    // Behind the end of the file there is nothing, as in a hole.
    for (std::size_t done = 0; done < sizeof window_;) {
      const ssize_t got = ::pread(file_.get(), data + done, sizeof window_ - done,
                                  place_of(window_row_ * row_length) + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("read what became of the files");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
  }
  const FileRecord& record = (*row)[inode % row_length];
  return record.mode == 0 ? nullptr : &record;
}

}  // namespace rocker
