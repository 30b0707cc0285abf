#include "rocker-image/blocks.hh"

namespace rocker {

std::shared_ptr<Block> BlockPool::take() {
  std::unique_ptr<Block> block;
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return stopped_ || !free_.empty() || left_ != 0; });
    if (stopped_) return nullptr;
    if (!free_.empty()) {
      block = std::move(free_.back());
      free_.pop_back();
    } else {
      --left_;
    }
  }
  if (!block) {
    block = std::make_unique<Block>();
    block->memory = std::make_unique_for_overwrite<char[]>(block_size);
  }
  block->size = 0;
  return {block.release(), [this](Block* used) { give_back(std::unique_ptr<Block>(used)); }};
}

void BlockPool::give_back(std::unique_ptr<Block> block) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(block));
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
