#include "rocker-image/digest_table.hh"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "rocker-image/scratch.hh"
#include "spec/support/error.hh"

namespace rocker {

namespace {

using Digest = Sha256::Digest;

constexpr std::uint64_t row = 256;  // digests that are written or read at once: 8 KiB
constexpr std::uint64_t last_place = std::numeric_limits<off_t>::max() / sizeof(Digest) - row;

off_t place_of(std::uint64_t inode) {
  return static_cast<off_t>(inode * sizeof(Digest));
}

}  // namespace

void DigestTable::add(std::uint64_t inode, const Digest& digest) {
  if (!file_ && records_.size() == most_in_memory_) spill();
  if (file_) {
    put(inode, digest);
  } else {
    records_.push_back({inode, records_.size(), digest});
  }
}

void DigestTable::spill() {
  file_ = scratch_file(folder_);
  for (const auto& record : records_) put(record.inode, record.digest);
  records_ = {};
}

void DigestTable::put(std::uint64_t inode, const Digest& digest) {
  if (inode > last_place) {
    beyond_[inode] = digest;
    return;
  }
  if (inode != run_start_ + run_.size() || run_.size() == row) {
    write_run();
    run_start_ = inode;
  }
  run_.push_back(digest);
}

void DigestTable::write_run() {
  const char* data = reinterpret_cast<const char*>(run_.data());
  const std::size_t size = run_.size() * sizeof(Digest);
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote =
        ::pwrite(file_.get(), data + done, size - done, place_of(run_start_) + static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EFBIG) {
      for (std::size_t i = 0; i < run_.size(); ++i) beyond_[run_start_ + i] = run_[i];
      break;
    }
    if (wrote < 0) throw system_error("write the digests");
    done += static_cast<std::size_t>(wrote);
  }
  run_.clear();
}

void DigestTable::finish() {
  if (file_) {
    write_run();
    return;
  }
  const auto less = [](const Record& a, const Record& b) {
    return a.inode != b.inode ? a.inode < b.inode : a.order < b.order;
  };
  // A file system gives out inodes in order, most of the time.
  if (!std::is_sorted(records_.begin(), records_.end(), less)) {
    std::sort(records_.begin(), records_.end(), less);
  }
}

const Digest* DigestTable::find(std::uint64_t inode) {
  if (!file_) {
    const auto after =
        std::upper_bound(records_.begin(), records_.end(), inode,
                         [](std::uint64_t wanted, const Record& record) { return wanted < record.inode; });
    if (after == records_.begin() || std::prev(after)->inode != inode) return nullptr;
    return &std::prev(after)->digest;
  }
  if (const auto found = beyond_.find(inode); found != beyond_.end()) return &found->second;
  if (inode > last_place) return nullptr;
  const std::uint64_t start = inode / row * row;
  if (window_.empty() || window_start_ != start) {
    window_.assign(row, Digest{});
    window_start_ = start;
    char* data = reinterpret_cast<char*>(window_.data());
    // Behind the end of the file there is nothing, as in a hole.
    for (std::size_t done = 0; done < row * sizeof(Digest);) {
      const ssize_t got = ::pread(file_.get(), data + done, row * sizeof(Digest) - done,
                                  place_of(start) + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("read the digests");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
  }
  const Digest& digest = window_[inode - start];
  return digest == Digest{} ? nullptr : &digest;
}

}  // namespace rocker
