#include "rocker-image/content.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "rocker-image/hash.hh"
#include "spec/support/error.hh"
#include "spec/support/fd_list.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/thread.hh"

namespace rocker {

// Well below the 1,024 descriptors that a process has by default.
static constexpr std::size_t most_open = 256;
static constexpr std::size_t batch_size = 32, batch_bytes = std::size_t{2} << 20, most_pieces = 256;
// As many batches as the worker may be behind before it is helped: so many that it always has something to
// do.
static constexpr std::size_t most_behind = 3;
// And before it is waited for: the memory of what comes from a folder is no pool's, which would end.
static constexpr std::size_t most_pending = 8;

struct ContentWriter::File {
  UniqueFd fd;
  std::string path;  // for messages
  Attributes attributes;
  std::uint64_t size = 0;
  bool truncate = false;    // it has a content, which goes when its turn comes
  std::uint64_t batch = 0;  // that it begins in
  // Of whoever carries out what is to be done with it.
  std::uint64_t end = 0;
  Sha256 hash;
};

ContentWriter::ContentWriter(const Ownership& ownership, const Cancel& cancel, std::optional<Keep> keep)
    : ownership_(ownership),
      cancel_(cancel),
      keep_(keep.has_value()),
      hash_(keep_ && keep->hash),
      open_files_(static_cast<std::ptrdiff_t>(share_of_descriptors(most_open))),
      files_(keep_ ? std::move(keep->folder) : std::string()),
      worker_(start_thread([this] { work(); })) {}

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

ContentWriter::File& ContentWriter::begin(UniqueFd fd, std::string_view path, const Attributes& attributes,
                                          std::uint64_t size, bool truncate) {
  if (!open_files_.try_acquire()) {
    flush();
    open_files_.acquire();
  }
  if (spare_.empty()) {
    all_files_.push_back(std::make_unique<File>());
    spare_.push_back(all_files_.back().get());
  }
  File& file = *spare_.back();
  spare_.pop_back();
  file.fd = std::move(fd);
  file.path = path;
  file.attributes = attributes;
  file.size = size;
  file.truncate = truncate;
  file.batch = file.end = 0;
  return file;
}

void ContentWriter::write(File& file, const Chunk& chunk) {
  Task& task = add(file);
  task.data = chunk.data;
  task.size = chunk.size;
  task.offset = chunk.offset;
  held_back_.bytes += chunk.size;
  if (held_back_.blocks.empty() || held_back_.blocks.back() != chunk.block)
    held_back_.blocks.push_back(chunk.block);
  if (held_back_.bytes >= batch_bytes || held_back_.tasks.size() >= most_pieces) flush();
}

void ContentWriter::end(File& file) {
  // Most files are one piece, and one task.
  if (!held_back_.tasks.empty() && held_back_.tasks.back().file == &file)
    held_back_.tasks.back().last = true;
  else
    add(file).last = true;
  // A batch that ends in the middle of a file is no whole one, nor is the next.
  if (held_back_.tasks.size() >= batch_size) flush();
}

ContentWriter::Task& ContentWriter::add(File& file) {
  if (file.batch == 0) {
    file.batch = batch_;
    if (file.truncate) held_back_.whole = false;
  }
  if (file.batch != batch_) held_back_.whole = false;
  held_back_.tasks.push_back({.file = &file});
  return held_back_.tasks.back();
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
  for (const auto& task : batch.tasks) {
    if (task.last) spare_.push_back(task.file);
  }
  batch.tasks.clear();
  held_back_.tasks.swap(batch.tasks);
  held_back_.blocks.swap(batch.blocks);
}

void ContentWriter::drain() {
  flush();
  wait_for_worker(0);
  check();
}

void ContentWriter::abandon() {
  // Its files stay open: the worker may be at what comes before.
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
                   [&] {
                     put(task);
                     if (task.last) close(*task.file, results, tally);
                   });
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
  batch.blocks.clear();
  FdList to_close;
  for (const auto& task : batch.tasks) {
    if (task.last) to_close.add(std::move(task.file->fd));
  }
  to_close.close_all();
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

void ContentWriter::put(const Task& task) const {
  if (task.size == 0) return;
  File& file = *task.file;
  empty(file);
  // Holes read as zeros. What overlaps is no file that tar can make.
  if (task.offset < file.end) throw Error("its parts overlap");
  if (hash_) {
    hash_hole(file, task.offset - file.end);
    file.hash.update(task.data, task.size);
  }
  std::size_t done = 0;
  while (done < task.size) {
    const ssize_t wrote =
        ::pwrite(file.fd.get(), task.data + done, task.size - done, static_cast<off_t>(task.offset + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw system_error("write");
    done += static_cast<std::size_t>(wrote);
  }
  file.end = task.offset + task.size;
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
