#pragma once

#include <cstddef>
#include <vector>

#include "spec/support/fd.hh"

namespace rocker {

// Descriptors that are closed together: neighbours, as those are that were opened one after the other, by one
// call of the kernel (close_range(2)).
class FdList {
 public:
  FdList() = default;
  FdList(const FdList&) = delete;
  FdList& operator=(const FdList&) = delete;
  ~FdList() { close_all(); }

  void add(UniqueFd fd) {
    if (fd) fds_.push_back(fd.release());
  }
  std::size_t size() const { return fds_.size(); }
  void close_all();

 private:
  std::vector<int> fds_;
};

}  // namespace rocker
