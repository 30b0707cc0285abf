#include "rocker-image/content.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

// Well below the 1,024 descriptors that a process has by default.
static constexpr std::size_t most_open = 256;
static constexpr std::size_t batch_size = 64, batch_bytes = std::size_t{2} << 20;
// As many batches as the worker may be behind before it is helped: so many that it always has something to
// do.
static constexpr std::size_t most_behind = 3;
// And before it is waited for: the memory of what comes from a folder is no pool's, which would end.
static constexpr std::size_t most_pending = 8;

ContentWriter::ContentWriter(const Ownership& ownership, const Cancel& cancel, std::optional<Keep> keep)
    : ownership_(ownership),
      cancel_(cancel),
      keep_(keep.has_value()),
      hash_(keep_ && keep->hash),
      open_files_(static_cast<std::ptrdiff_t>(share_of_descriptors(most_open))),
      files_(keep_ ? std::move(keep->folder) : std::string()),
      worker_([this] { work(); }) {}

ContentWriter::~ContentWriter() {
  if (!worker_.joinable()) return;
  abandoned_ = true;
  held_back_ = {};
  tasks_.push({});
  worker_.join();
}

Tally ContentWriter::tally() const {
  Tally both = tally_;
  both.add(own_tally_);
  return both;
}

ContentWriter::FileRef ContentWriter::begin(UniqueFd fd, std::string path, const Attributes& attributes,
                                            std::uint64_t size, bool truncate) {
  if (!open_files_.try_acquire()) {
    flush();
    open_files_.acquire();
  }
  FileRef file;
  if (spare_.empty()) {
    file = std::make_shared<File>();
  } else {
    file = std::move(spare_.back());
    spare_.pop_back();
  }
  file->fd = std::move(fd);
  file->path = std::move(path);
  file->attributes = attributes;
  file->size = size;
  file->truncate = truncate;
  file->batch = file->end = 0;
  return file;
}

void ContentWriter::write(const FileRef& file, Chunk chunk) {
  add(file, std::move(chunk), false);
}

void ContentWriter::end(const FileRef& file) {
  add(file, {}, true);
}

void ContentWriter::add(const FileRef& file, Chunk chunk, bool last) {
  if (file->batch == 0) {
    file->batch = batch_;
    if (file->truncate) held_back_.whole = false;
  }
  if (file->batch != batch_) held_back_.whole = false;
  held_back_.bytes += chunk.size;
  held_back_.tasks.push_back({file, std::move(chunk), last});
  if (held_back_.tasks.size() >= batch_size || held_back_.bytes >= batch_bytes) flush();
}

void ContentWriter::flush() {
  check();
  if (held_back_.tasks.empty()) return;
  Batch batch = std::exchange(held_back_, {});
  ++batch_;
  std::vector<Batch> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (auto& one : done) take_back(std::move(one));
  if (batch.whole && batch.tasks.back().last && pending_.load(std::memory_order_relaxed) >= most_behind) {
    carry_out(batch, own_results_, own_tally_);
    take_back(std::move(batch));
    check();
    return;
  }
  pending_.fetch_add(1, std::memory_order_relaxed);
  tasks_.push(std::move(batch));
  wait_for_worker(most_pending - 1);
}

void ContentWriter::wait_for_worker(std::size_t most_left) {
  for (std::size_t left; (left = pending_.load(std::memory_order_acquire)) > most_left;) pending_.wait(left);
}

// Memory that one thread frees and another one allocates keeps both waiting for each other.
void ContentWriter::take_back(Batch batch) {
  for (auto& task : batch.tasks) {
    if (task.last) spare_.push_back(std::move(task.file));
  }
  batch.tasks.clear();
  held_back_.tasks.swap(batch.tasks);
}

void ContentWriter::drain() {
  flush();
  wait_for_worker(0);
  check();
}

void ContentWriter::abandon() {
  held_back_ = {};
  if (pending_.load(std::memory_order_acquire) == 0) return;
  abandoned_ = true;
  wait_for_worker(0);
}

void ContentWriter::finish() {
  drain();
  tasks_.push({});
  worker_.join();
  check();
  files_.finish();
}

void ContentWriter::check() {
  // error_ was written before failed_.
  if (failed_.load(std::memory_order_acquire) && error_) std::rethrow_exception(error_);
}

void ContentWriter::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  failed_.store(true, std::memory_order_release);
}

void ContentWriter::work() {
  std::vector<Result> results;
  for (;;) {
    Batch batch = tasks_.pop();
    if (batch.tasks.empty()) return;
    carry_out(batch, results, tally_);
    {
      const std::lock_guard lock(mutex_);
      done_.push_back(std::move(batch));
    }
    pending_.fetch_sub(1, std::memory_order_release);
    pending_.notify_all();
  }
}

void ContentWriter::carry_out(Batch& batch, std::vector<Result>& results, Tally& tally) {
  results.clear();
  std::ptrdiff_t ended = 0;
  for (const auto& task : batch.tasks) {
    if (task.last) ++ended;
    if (failed_.load(std::memory_order_relaxed) || abandoned_.load(std::memory_order_relaxed)) continue;
    try {
      with_context([&] { return cat("entry \"", printable(task.file->path), "\""); },
                   [&] { task.last ? close(*task.file, results, tally) : put(*task.file, task.chunk); });
    } catch (...) {
      fail(std::current_exception());
    }
  }
  // Before they are closed: the inode of one that has no name any more is free then, and another thread's.
  try {
    const std::lock_guard lock(mutex_);
    for (const auto& result : results) files_.add(result.inode, result.record);
  } catch (...) {
    fail(std::current_exception());
  }
  // Blocks go back to their pool before anybody is told.
  for (auto& task : batch.tasks) {
    task.chunk = {};
    if (task.last) task.file->fd.reset();
  }
  // Once for all of them: each time is a call of the kernel.
  if (ended != 0) open_files_.release(ended);
}

void ContentWriter::empty(File& file) {
  if (!file.truncate) return;
  if (::ftruncate(file.fd.get(), 0) < 0) throw system_error("truncate");
  file.truncate = false;
}

// A hole can be far larger than the archive that it is in: whoever has given up does not wait for its end.
void ContentWriter::hash_hole(File& file, std::uint64_t size) const {
  constexpr std::uint64_t most = std::uint64_t{4} << 20;
  while (size != 0 && !abandoned_.load(std::memory_order_relaxed)) {
    cancel_.throw_if_set();
    const std::uint64_t step = std::min(size, most);
    file.hash.update_zeros(step);
    size -= step;
  }
}

void ContentWriter::put(File& file, const Chunk& chunk) const {
  empty(file);
  // Holes read as zeros. What overlaps is no file that tar can make.
  if (chunk.offset < file.end) throw Error("its parts overlap");
  if (hash_) {
    hash_hole(file, chunk.offset - file.end);
    file.hash.update(chunk.data, chunk.size);
  }
  std::size_t done = 0;
  while (done < chunk.size) {
    const ssize_t wrote = ::pwrite(file.fd.get(), chunk.data + done, chunk.size - done,
                                   static_cast<off_t>(chunk.offset + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw system_error("write");
    done += static_cast<std::size_t>(wrote);
  }
  file.end = chunk.offset + chunk.size;
}

void ContentWriter::close(File& file, std::vector<Result>& results, Tally& tally) const {
  empty(file);
  if (file.size > file.end) {
    if (::ftruncate(file.fd.get(), static_cast<off_t>(file.size)) < 0) throw system_error("truncate");
    if (hash_) hash_hole(file, file.size - file.end);
  }
  apply_attributes(file.fd.get(), file.attributes, ownership_, file.attributes.mode & 0777, tally);
  if (!keep_) return;
  // Here, where it is open: at the end it would have to be looked up.
  struct stat st {};
  if (::fstat(file.fd.get(), &st) < 0) throw system_error("stat");
  FileRecord record;
  record.size = static_cast<std::uint64_t>(st.st_size);
  record.blocks = static_cast<std::uint64_t>(st.st_blocks);
  record.seconds = st.st_mtim.tv_sec;
  record.nanoseconds = static_cast<std::uint32_t>(st.st_mtim.tv_nsec);
  record.mode = st.st_mode;
  record.uid = st.st_uid;
  record.gid = st.st_gid;
  if (hash_) record.digest = file.hash.finish();
  results.push_back({st.st_ino, record});
}

}  // namespace rocker
