#include "spec/support/fd_list.hh"

#include <algorithm>
#include <iterator>

#include "spec/support/sanitized.hh"

namespace rocker {

#ifdef ROCKER_THREAD_SANITIZED
// What is opened next would be taken for the same file.
static constexpr bool closes_ranges = false;
#else
static constexpr bool closes_ranges = true;
#endif

void FdList::close_all() {
  std::sort(fds_.begin(), fds_.end());
  for (auto first = fds_.begin(); first != fds_.end();) {
    auto end = std::next(first);
    while (end != fds_.end() && *end == *std::prev(end) + 1) ++end;
    // Linux before 5.9 does not know it, and a seccomp filter may not.
    if (!closes_ranges || end - first == 1 ||
        ::close_range(static_cast<unsigned>(*first), static_cast<unsigned>(*std::prev(end)), 0) < 0)
      std::for_each(first, end, ::close);
    first = end;
  }
  fds_.clear();
}

}  // namespace rocker
