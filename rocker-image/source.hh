// Bytes, pulled: a file, a pipe, or another source behind a decoder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "rocker-image/hash.hh"
#include "spec/support/fd.hh"

namespace rocker {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // At most `size` bytes; 0 only at the end. Throws Error.
  virtual std::size_t read(char* buffer, std::size_t size) = 0;
};

// As many bytes as fit, fewer only at the end.
std::size_t read_fully(Source& source, char* buffer, std::size_t size);

// Wakes up a thread that waits for a pipe.
class Cancel {
 public:
  Cancel();
  void set();
  int fd() const { return event_.get(); }
  bool is_set() const { return set_.load(std::memory_order_relaxed); }
  void throw_if_set() const;  // Error, ECANCELED

 private:
  UniqueFd event_;
  std::atomic<bool> set_ = false;
};

// What an open file gives, from where it stands or between two offsets; counts and, when asked to, hashes
// what passes.
class FileSource : public Source {
 public:
  struct Range {
    std::uint64_t start = 0, size = 0;
  };

  // name is for messages. The file is borrowed. cancel may be null.
  FileSource(int fd, std::string name, Cancel* cancel);
  FileSource(int fd, std::string name, Cancel* cancel, Range range);

  std::size_t read(char* buffer, std::size_t size) override;

  std::uint64_t position() const { return position_.load(std::memory_order_relaxed); }
  void hash_input(bool on) { hashing_ = on; }
  Sha256::Digest digest() { return hash_.finish(); }  // of all that was read while it was on; once

 private:
  void wait_for_data();

  int fd_;
  std::string name_;
  Cancel* cancel_;
  bool ranged_ = false, pollable_ = false, hashing_ = false;
  Range range_;
  std::atomic<std::uint64_t> position_ = 0;
  Sha256 hash_;
};

// What was read already, and then the rest.
class PrependedSource : public Source {
 public:
  PrependedSource(std::string head, Source& rest) : head_(std::move(head)), rest_(rest) {}
  std::size_t read(char* buffer, std::size_t size) override;

 private:
  std::string head_;
  std::size_t at_ = 0;
  Source& rest_;
};

}  // namespace rocker
