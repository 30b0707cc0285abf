#include "spec/support/wait.hh"

#include <time.h>

#include <algorithm>

namespace rocker {

bool wait_until(int deadline_ms, const std::function<bool()>& done) {
  timespec start{};
  ::clock_gettime(CLOCK_MONOTONIC, &start);
  for (long pause_us = 50;;) {
    if (done()) return true;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    if ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >= deadline_ms)
      return false;
    const timespec pause{0, pause_us * 1000};
    ::nanosleep(&pause, nullptr);
    pause_us = std::min(pause_us * 2, 10000L);
  }
}

}  // namespace rocker
