// Memory that the threads of an import hand on to each other: a fixed number of blocks, so that an import
// takes no more of it however long the stream is.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "rocker-image/pages.hh"

namespace rocker {

struct Block {
  char* memory = nullptr;
  std::size_t size = 0;         // of what is in it
  std::unique_ptr<char[]> own;  // what memory points to, when no pool has it

  bool holds(const void* at) const { return at >= memory && at < memory + size; }

  // One that is of no pool, with room for that many bytes.
  static std::shared_ptr<Block> make(std::size_t room);
};

// Given back to its pool when the last holder lets go.
using BlockRef = std::shared_ptr<const Block>;

class BlockPool {
 public:
  static constexpr std::size_t block_size = std::size_t{256} << 10;

  explicit BlockPool(std::size_t blocks);

  // Null after stop(). When none is free, waits until half of them are: whoever fills them is woken once for
  // many, and does not interrupt those who empty them for each.
  std::shared_ptr<Block> take();
  void stop();

 private:
  void give_back(std::unique_ptr<Block> block);

  std::mutex mutex_;
  std::condition_variable freed_;
  Pages pages_;
  const std::size_t enough_;
  std::vector<std::unique_ptr<Block>> free_;  // the last one was used last: it is in the processor's cache
  bool stopped_ = false;
};

// What one thread puts in, another takes out, in order. It is as long as it gets: what bounds it is the
// blocks.
template <typename T>
class Queue {
 public:
  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    filled_.notify_one();
  }

  // Waits until there is something.
  T pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return !items_.empty(); });
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<T> items_;
};

}  // namespace rocker
