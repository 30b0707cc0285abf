#pragma once

#include <utility>

namespace rocker {

// Runs a callable when the scope ends, unless it was dismissed: for what has to be undone when a later step
// throws. The callable must not throw.
template <typename Fn>
class Defer {
 public:
  explicit Defer(Fn fn) : fn_(std::move(fn)) {}
  Defer(const Defer&) = delete;
  Defer& operator=(const Defer&) = delete;
  ~Defer() {
    if (armed_) fn_();
  }
  void dismiss() { armed_ = false; }

 private:
  Fn fn_;
  bool armed_ = true;
};

}  // namespace rocker
