#include "rocker-image/content.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

// Well below the 1,024 descriptors that a process has by default.
static constexpr std::ptrdiff_t most_open = 256;
static constexpr std::size_t batch = 64;

ContentWriter::ContentWriter(const Ownership& ownership, const Cancel& cancel, std::string digests_folder)
    : ownership_(ownership),
      cancel_(cancel),
      hash_(!digests_folder.empty()),
      open_files_(most_open),
      digests_(std::move(digests_folder)),
      worker_([this] { work(); }) {}

ContentWriter::~ContentWriter() {
  if (!worker_.joinable()) return;
  abandoned_ = true;
  held_back_.clear();
  tasks_.push({});
  worker_.join();
}

ContentWriter::FileRef ContentWriter::begin(UniqueFd fd, std::string path, const Attributes& attributes,
                                            std::uint64_t size) {
  if (!open_files_.try_acquire()) {
    flush();
    open_files_.acquire();
  }
  auto file = std::make_shared<File>();
  file->fd = std::move(fd);
  file->path = std::move(path);
  file->attributes = attributes;
  file->size = size;
  if (hash_) {
    // Here and not when it is closed: of small files the worker has the larger half as it is.
    struct stat st {};
    if (::fstat(file->fd.get(), &st) < 0) throw system_error("stat");
    file->inode = st.st_ino;
  }
  return file;
}

void ContentWriter::write(const FileRef& file, Chunk chunk) {
  held_back_.push_back({file, std::move(chunk), false});
  if (held_back_.size() >= batch) flush();
}

void ContentWriter::end(FileRef file) {
  held_back_.push_back({std::move(file), {}, true});
  if (held_back_.size() >= batch) flush();
}

void ContentWriter::flush() {
  rethrow();
  if (held_back_.empty()) return;
  pending_.fetch_add(1, std::memory_order_relaxed);
  tasks_.push(std::move(held_back_));
  held_back_ = {};
  held_back_.reserve(batch);
}

void ContentWriter::drain() {
  flush();
  for (std::size_t left; (left = pending_.load(std::memory_order_acquire)) != 0;) pending_.wait(left);
  rethrow();
}

void ContentWriter::abandon() {
  held_back_.clear();
  if (pending_.load(std::memory_order_acquire) == 0) return;
  abandoned_ = true;
  for (std::size_t left; (left = pending_.load(std::memory_order_acquire)) != 0;) pending_.wait(left);
}

void ContentWriter::finish() {
  drain();
  tasks_.push({});
  worker_.join();
  rethrow();
  digests_.finish();
}

void ContentWriter::rethrow() {
  // error_ was written before failed_.
  if (failed_.load(std::memory_order_acquire) && error_) std::rethrow_exception(error_);
}

void ContentWriter::work() {
  for (;;) {
    auto tasks = tasks_.pop();
    if (tasks.empty()) return;
    std::ptrdiff_t closed = 0;
    for (const auto& task : tasks) {
      carry_out(task);
      if (task.last) ++closed;
    }
    // What they hold goes back to its pool before anybody is told.
    tasks.clear();
    // Once for all of them: each time is a call of the kernel.
    if (closed != 0) open_files_.release(closed);
    pending_.fetch_sub(1, std::memory_order_release);
    pending_.notify_all();
  }
}

void ContentWriter::carry_out(const Task& task) {
  if (!failed_.load(std::memory_order_relaxed) && !abandoned_.load(std::memory_order_relaxed)) {
    try {
      with_context([&] { return cat("entry \"", printable(task.file->path), "\""); },
                   [&] { task.last ? close(*task.file) : put(*task.file, task.chunk); });
    } catch (...) {
      error_ = std::current_exception();
      failed_.store(true, std::memory_order_release);
    }
  }
  if (task.last) task.file->fd.reset();
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

void ContentWriter::close(File& file) {
  empty(file);
  if (file.size > file.end) {
    if (::ftruncate(file.fd.get(), static_cast<off_t>(file.size)) < 0) throw system_error("truncate");
    if (hash_) hash_hole(file, file.size - file.end);
  }
  apply_attributes(file.fd.get(), file.attributes, ownership_, file.attributes.mode & 0777, tally_);
  if (hash_) digests_.add(file.inode, file.hash.finish());
}

}  // namespace rocker
