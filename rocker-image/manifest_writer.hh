// The manifest of a rootfs to a file, by a thread of its own when it is a long one: whoever walks over the
// files describes the next ones meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "rocker-image/blocks.hh"
#include "rocker-image/manifest.hh"
#include "spec/support/fd.hh"

namespace rocker {

class ManifestWriter {
 public:
  explicit ManifestWriter(UniqueFd fd) : fd_(std::move(fd)), buffer_(manifest_heading) {}
  // What was added and not finished may be written or not.
  ~ManifestWriter();
  ManifestWriter(const ManifestWriter&) = delete;
  ManifestWriter& operator=(const ManifestWriter&) = delete;

  // All of them throw Error when something that was added before could not be written.
  void add(const ManifestLine& line);
  // Of a directory, whose line comes long before its xattrs are set: adds one with room for their digest.
  using Room = std::uint64_t;
  Room add_with_room(const ManifestLine& line);
  // With the same line, but for its xattrs and mode (an ACL is a part of it).
  void fill(Room room, const ManifestLine& line);
  void finish();

 private:
  struct Task {
    enum class Kind { line, line_with_room, fill } kind = Kind::line;
    Room room = 0;
    ManifestLine line;
  };
  // Used again, with the memory of its lines.
  struct Batch {
    std::vector<Task> tasks;
    std::size_t used = 0;
  };
  struct Place {
    std::uint64_t start = 0;
    std::size_t size = 0;
  };

  Task& next(Task::Kind kind, const ManifestLine& line);
  void hand_on();
  void check();
  void work();
  void carry_out(const Batch& batch);
  void write_with_room(const Task& task);
  void write_into_room(const Task& task);
  void flush();

  std::unique_ptr<Batch> batch_ = std::make_unique<Batch>();
  std::size_t batches_ = 1;
  Room last_room_ = 0;

  // Of the worker, while there is one.
  UniqueFd fd_;
  std::uint64_t flushed_ = 0;
  std::string buffer_, text_;
  std::unordered_map<Room, Place> rooms_;

  Queue<std::unique_ptr<Batch>> todo_, done_;  // null: the end
  std::atomic<bool> failed_ = false;
  std::exception_ptr error_;  // written before failed_
  std::thread worker_;
};

}  // namespace rocker
