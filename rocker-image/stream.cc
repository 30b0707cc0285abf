#include "rocker-image/stream.hh"

#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "spec/support/thread.hh"

namespace rocker {

Stream::Stream(FileSource& file, std::string name, Cancel& cancel)
    : file_(file), name_(std::move(name)), cancel_(cancel) {
  hasher_ = start_thread([this] { hash(); });
  try {
    decoder_ = start_thread([this] { decode(); });
  } catch (...) {
    to_hash_.push(nullptr);
    hasher_.join();
    throw;
  }
}

Stream::~Stream() {
  if (!ended_) {
    cancel_.set();
    pool_.stop();
  }
  if (decoder_.joinable()) decoder_.join();
  if (hasher_.joinable()) hasher_.join();
}

void Stream::decode() {
  try {
    file_.hash_input(true);
    Decoded source(file_);
    compressions_ = source.compressions();
    // A plain stream is its own input: it need not be hashed twice.
    if (compressions_.empty()) file_.hash_input(false);
    for (;;) {
      auto block = pool_.take();
      if (!block) break;
      block->size = read_fully(source, block->memory, BlockPool::block_size);
      if (block->size == 0) break;
      BlockRef full = std::move(block);
      to_hash_.push(full);
      blocks_.push({std::move(full), nullptr});
    }
    blocks_.push({});
  } catch (...) {
    blocks_.push({nullptr, std::current_exception()});
  }
  to_hash_.push(nullptr);
}

void Stream::hash() {
  while (const BlockRef block = to_hash_.pop()) content_.update(block->memory, block->size);
}

BlockRef Stream::next() {
  if (ended_) return nullptr;
  if (before_wait_) before_wait_();
  Message message = blocks_.pop();
  if (message.error) {
    ended_ = true;
    std::rethrow_exception(message.error);
  }
  if (!message.block) {
    ended_ = true;
    return nullptr;
  }
  size_ += message.block->size;
  return message.block;
}

Stream::Digests Stream::finish() {
  while (next()) {
  }
  decoder_.join();
  hasher_.join();
  Digests digests;
  digests.compressions = compressions_;
  digests.content = content_.finish();
  digests.input = compressions_.empty() ? digests.content : file_.digest();
  return digests;
}

}  // namespace rocker
