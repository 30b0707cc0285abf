#include "rocker-image/manifest_writer.hh"

#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/thread.hh"

namespace rocker {

// An image with fewer files is not worth a thread.
static constexpr std::size_t batch_size = 128;
static constexpr std::size_t most_batches = 4;

ManifestWriter::~ManifestWriter() {
  if (!worker_.joinable()) return;
  todo_.push(nullptr);
  worker_.join();
}

void ManifestWriter::add(const ManifestLine& line) {
  next(Task::Kind::line, line);
}

ManifestWriter::Room ManifestWriter::add_with_room(const ManifestLine& line) {
  return next(Task::Kind::line_with_room, line).room = ++last_room_;
}

void ManifestWriter::fill(Room room, const ManifestLine& line) {
  next(Task::Kind::fill, line).room = room;
}

ManifestWriter::Task& ManifestWriter::next(Task::Kind kind, const ManifestLine& line) {
  if (batch_->used == batch_size) hand_on();
  if (batch_->used == batch_->tasks.size()) batch_->tasks.emplace_back();
  Task& task = batch_->tasks[batch_->used++];
  task.kind = kind;
  task.line = line;
  return task;
}

void ManifestWriter::hand_on() {
  try {
    if (!worker_.joinable()) worker_ = start_thread([this] { work(); });
  } catch (const Error&) {
    // It takes longer without.
    carry_out(*batch_);
    batch_->used = 0;
    return;
  }
  todo_.push(std::move(batch_));
  if (batches_ < most_batches) {
    batch_ = std::make_unique<Batch>();
    ++batches_;
  } else {
    batch_ = done_.pop();
    batch_->used = 0;
  }
  check();
}

void ManifestWriter::finish() {
  if (!worker_.joinable()) {
    carry_out(*batch_);
  } else {
    todo_.push(std::move(batch_));
    todo_.push(nullptr);
    worker_.join();
    check();
  }
  flush();
}

void ManifestWriter::check() {
  if (failed_.load(std::memory_order_acquire)) std::rethrow_exception(error_);
}

void ManifestWriter::work() {
  while (auto batch = todo_.pop()) {
    try {
      if (!failed_.load(std::memory_order_relaxed)) carry_out(*batch);
    } catch (...) {
      error_ = std::current_exception();
      failed_.store(true, std::memory_order_release);
    }
    done_.push(std::move(batch));
  }
}

void ManifestWriter::carry_out(const Batch& batch) {
  for (std::size_t i = 0; i < batch.used; ++i) {
    const Task& task = batch.tasks[i];
    switch (task.kind) {
      case Task::Kind::line: append_line(buffer_, task.line); break;
      case Task::Kind::line_with_room: write_with_room(task); break;
      case Task::Kind::fill: write_into_room(task); break;
    }
    if (buffer_.size() >= 65536) flush();
  }
}

void ManifestWriter::write_with_room(const Task& task) {
  ManifestLine line = task.line;
  line.xattrs.emplace();
  const std::size_t start = buffer_.size();
  append_line(buffer_, line);
  rooms_[task.room] = {flushed_ + start, buffer_.size() - start};
}

void ManifestWriter::write_into_room(const Task& task) {
  const auto found = rooms_.find(task.room);
  const Place place = found->second;
  rooms_.erase(found);
  text_.clear();
  append_line(text_, task.line);
  text_.insert(text_.size() - 1, place.size - text_.size(), ' ');
  if (place.start >= flushed_) {
    buffer_.replace(static_cast<std::size_t>(place.start - flushed_), place.size, text_);
    return;
  }
  const ssize_t wrote = ::pwrite(fd_.get(), text_.data(), text_.size(), static_cast<off_t>(place.start));
  if (wrote != static_cast<ssize_t>(text_.size()))
    throw system_error("write the manifest", wrote < 0 ? errno : EIO);
}

void ManifestWriter::flush() {
  write_all(fd_.get(), buffer_, "the manifest");
  flushed_ += buffer_.size();
  buffer_.clear();
}

}  // namespace rocker
