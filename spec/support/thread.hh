#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include "spec/support/error.hh"

namespace rocker {

// Throws Error when there is no thread to be had: a cgroup has as many as it may, or the user.
template <typename Fn>
std::thread start_thread(Fn&& fn) {
  try {
    return std::thread(std::forward<Fn>(fn));
  } catch (const std::system_error& error) {
    throw system_error("start a thread", error.code().value());
  }
}

}  // namespace rocker
