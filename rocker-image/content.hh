// The content of files, written and hashed by a thread of its own: whoever reads the archive makes the names,
// in the order of the archive, and goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "rocker-image/archive.hh"
#include "rocker-image/attributes.hh"
#include "rocker-image/blocks.hh"
#include "rocker-image/digest_table.hh"
#include "rocker-image/hash.hh"
#include "rocker-image/source.hh"
#include "spec/support/fd.hh"

namespace rocker {

class ContentWriter {
 public:
  struct File {
    UniqueFd fd;
    std::string path;  // for messages
    Attributes attributes;
    std::uint64_t size = 0;
    bool truncate = false;  // it has a content, which goes when its turn comes
    // The writer's own.
    std::uint64_t inode = 0, end = 0;
    Sha256 hash;
  };
  using FileRef = std::shared_ptr<File>;

  // With a folder, files are hashed; what memory has no room for of that is put there. cancel is borrowed.
  explicit ContentWriter(const Ownership& ownership, const Cancel& cancel, std::string digests_folder = {});
  ~ContentWriter();
  ContentWriter(const ContentWriter&) = delete;
  ContentWriter& operator=(const ContentWriter&) = delete;

  // A file whose name was made and whose content follows: open for writing, empty or to be truncated. Waits
  // while too many are open.
  FileRef begin(UniqueFd fd, std::string path, const Attributes& attributes, std::uint64_t size);
  void write(const FileRef& file, Chunk chunk);
  void end(FileRef file);

  // Hands on what was held back. Rethrows what went wrong.
  void flush();
  // Waits until all that was handed on is written. Rethrows what went wrong.
  void drain();
  // Waits until the worker holds nothing; what is not written yet need not be. Never throws.
  void abandon();
  // The end: nothing follows. Rethrows what went wrong.
  void finish();

  // What is rethrown is the writer's, and names the file.
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  // After finish().
  DigestTable& digests() { return digests_; }
  const Tally& tally() const { return tally_; }

 private:
  struct Task {
    FileRef file;
    Chunk chunk;
    bool last = false;
  };
  void work();
  void carry_out(const Task& task);
  static void empty(File& file);
  void put(File& file, const Chunk& chunk) const;
  void close(File& file);
  void hash_hole(File& file, std::uint64_t size) const;
  void rethrow();

  Ownership ownership_;
  const Cancel& cancel_;
  bool hash_;
  std::vector<Task> held_back_;
  Queue<std::vector<Task>> tasks_;  // an empty batch is the end
  std::counting_semaphore<> open_files_;
  std::atomic<std::size_t> pending_ = 0;  // batches
  std::atomic<bool> failed_ = false, abandoned_ = false;
  std::exception_ptr error_;
  DigestTable digests_;
  Tally tally_;
  std::thread worker_;
};

}  // namespace rocker
