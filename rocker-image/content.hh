// The content of files, written and hashed by a thread of its own: whoever reads the archive makes the names,
// in the order of the archive, and goes on. When that thread is behind, as it is with small files, he writes
// some of them himself.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "rocker-image/archive.hh"
#include "rocker-image/attributes.hh"
#include "rocker-image/blocks.hh"
#include "rocker-image/file_table.hh"
#include "rocker-image/source.hh"
#include "spec/support/fd.hh"

namespace rocker {

class ContentWriter {
 public:
  struct File;

  // What is kept of what becomes of the files. What memory has no room for of that is put into the folder.
  struct Keep {
    std::string folder;
    bool hash = true;
  };

  // cancel is borrowed.
  ContentWriter(const Ownership& ownership, const Cancel& cancel, std::optional<Keep> keep = {});
  ~ContentWriter();
  ContentWriter(const ContentWriter&) = delete;
  ContentWriter& operator=(const ContentWriter&) = delete;

  // A file whose name was made and whose content follows: open for writing, and new and empty, or to be
  // truncated. Waits while too many are open. It is valid until its end().
  File& begin(UniqueFd fd, std::string_view path, const Attributes& attributes, std::uint64_t size,
              bool truncate = false);
  // Waits while too much of it is to be written.
  void write(File& file, const Chunk& chunk);
  void end(File& file);

  // Hands on what was held back. Rethrows what went wrong.
  void flush();
  // Waits until all that was handed on is written. Rethrows what went wrong.
  void drain();
  // Waits until the worker holds nothing; what is not written yet need not be. Never throws.
  void abandon();
  // The end: nothing follows. Rethrows what went wrong.
  void finish();

  // Rethrows what went wrong so far, with the name of the file that it was at.
  void check();

  // After finish().
  FileTable& files() { return files_; }
  Tally tally() const;

 private:
  struct Task {
    File* file = nullptr;
    const char* data = nullptr;
    std::size_t size = 0;
    std::uint64_t offset = 0;
    bool last = false;
  };
  // What is carried out by one thread, in order.
  struct Batch {
    std::vector<Task> tasks;       // none: the end
    std::vector<BlockRef> blocks;  // that their data is in, each once: a reference a file would be a write to
                                   // what both threads look at
    bool whole = true;             // its files are new, and begin and end in it: it is of no batch before it
    std::size_t bytes = 0;         // of their content
  };
  struct Result {
    std::uint64_t inode = 0;
    FileRecord record;
  };
  Task& add(File& file);
  void wait_for_worker(std::size_t most_left);
  void work();
  void take_back(Batch batch);
  void carry_out(Batch& batch, std::vector<Result>& results, Tally& tally);
  static void empty(File& file);
  void put(const Task& task) const;
  void close(File& file, std::vector<Result>& results, Tally& tally) const;
  void fail(std::exception_ptr error);
  void hash_hole(File& file, std::uint64_t size) const;

  Ownership ownership_;
  const Cancel& cancel_;
  bool keep_, hash_;
  Batch held_back_;
  std::uint64_t batch_ = 1;  // the number of that one
  Queue<Batch> tasks_;
  std::counting_semaphore<> open_files_;
  std::atomic<std::size_t> pending_ = 0;  // batches
  std::atomic<bool> failed_ = false, abandoned_ = false;
  std::mutex mutex_;          // of error_, done_ and files_
  std::exception_ptr error_;  // the first one
  std::vector<Batch> done_;   // by the worker
  FileTable files_;
  std::vector<std::unique_ptr<File>> all_files_;
  std::vector<File*> spare_;
  // Of whoever calls, and of the worker.
  std::vector<Result> own_results_;
  Tally own_tally_, tally_;
  std::thread worker_;
};

}  // namespace rocker
