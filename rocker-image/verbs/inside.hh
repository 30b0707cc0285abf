// What is done in a container's files as the root of its user namespace: owners, set-user-ID programs with
// capabilities and ACLs are then read and written with the numbers that they have in the container, and no
// more is possible than its own root could do.
#pragma once

#include <functional>

#include "spec/support/fd.hh"

namespace rocker::verbs {

// A child in a user namespace, by descriptors of ours only: in all else it stays where we are. It is no
// process that the container's root could trace, also where that one sees it.
class Inside {
 public:
  Inside(int user_namespace, const std::function<void()>& fn);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  // Waits for its end; throws Error with what fn has thrown.
  void finish();

 private:
  pid_t pid_ = -1;
  UniqueFd problem_;
};

}  // namespace rocker::verbs
