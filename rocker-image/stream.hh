// The input of an import, decoded and hashed by threads of its own while the caller works on what came
// before.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "rocker-image/blocks.hh"
#include "rocker-image/decode.hh"
#include "rocker-image/hash.hh"
#include "rocker-image/source.hh"

namespace rocker {

class Stream {
 public:
  // file is borrowed. It and cancel outlive the stream.
  Stream(FileSource& file, std::string name, Cancel& cancel);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The next block of the decoded stream, or null at its end. Rethrows what went wrong while reading or
  // decoding.
  BlockRef next();

  // Called when next() is about to wait: the caller lets go of blocks that it holds back.
  void before_wait(std::function<void()> fn) { before_wait_ = std::move(fn); }

  struct Digests {
    Sha256::Digest input;    // of the file as it is
    Sha256::Digest content;  // of the decoded stream
    std::vector<std::string> compressions;
  };
  // Reads what is left, so that every checksum is seen, and gives the digests. Once, at the end.
  Digests finish();

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }  // of what next() has given

 private:
  void decode();
  void hash();

  struct Message {
    BlockRef block;
    std::exception_ptr error;
  };

  FileSource& file_;
  std::string name_;
  Cancel& cancel_;
  std::function<void()> before_wait_;
  BlockPool pool_{32};
  Queue<Message> blocks_;
  Queue<BlockRef> to_hash_;
  Sha256 content_;
  std::vector<std::string> compressions_;
  std::uint64_t size_ = 0;
  bool ended_ = false;
  // Last, so that they end before what they use.
  std::thread decoder_, hasher_;
};

}  // namespace rocker
