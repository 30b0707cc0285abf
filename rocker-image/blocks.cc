#include "rocker-image/blocks.hh"

#include "spec/support/sanitized.hh"

namespace rocker {

#ifdef ROCKER_ADDRESS_SANITIZED
static constexpr bool apart = true;
#else
static constexpr bool apart = false;
#endif

std::shared_ptr<Block> Block::make(std::size_t room) {
  auto block = std::make_shared<Block>();
  block->own = std::make_unique_for_overwrite<char[]>(room);
  block->memory = block->own.get();
  return block;
}

BlockPool::BlockPool(std::size_t blocks) : pages_(blocks * block_size), enough_((blocks + 1) / 2) {
  free_.reserve(blocks);
  for (std::size_t i = blocks; i-- != 0;) {
    auto block = std::make_unique<Block>();
    if (apart) block->own = std::make_unique_for_overwrite<char[]>(block_size);
    block->memory = apart ? block->own.get() : pages_.data() + i * block_size;
    free_.push_back(std::move(block));
  }
}

std::shared_ptr<Block> BlockPool::take() {
  std::unique_ptr<Block> block;
  {
    std::unique_lock lock(mutex_);
    if (free_.empty()) freed_.wait(lock, [&] { return stopped_ || free_.size() >= enough_; });
    if (stopped_) return nullptr;
    block = std::move(free_.back());
    free_.pop_back();
  }
  block->size = 0;
  return {block.release(), [this](Block* used) { give_back(std::unique_ptr<Block>(used)); }};
}

void BlockPool::give_back(std::unique_ptr<Block> block) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(block));
    if (free_.size() < enough_) return;
  }
  freed_.notify_one();
}

void BlockPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  freed_.notify_all();
}

}  // namespace rocker
