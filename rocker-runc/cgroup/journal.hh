// What an update has written to the files of a container's groups, so that it is whole or not at all: when
// the kernel refuses a later value, the earlier ones are put back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-runc/cgroup/group.hh"

namespace rocker::cgroup {

class Journal {
 public:
  Journal() = default;
  // Puts back what was written, the last first, unless keep() was called. What can't be put back is warned
  // of.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // What is written to this group from now on is taken down. The group has to outlive the journal.
  void watch(const Group& group);
  void keep() { kept_ = true; }

  // For Group: `before` is what the file held, nothing when it can't be read.
  void wrote(const Group& group, std::string_view file, std::string_view value,
             std::optional<std::string> before);

 private:
  void put_back() const;

  struct Entry {
    const Group* group;
    std::string file, value;
    std::optional<std::string> before;
  };
  std::vector<const Group*> watched_;
  std::vector<Entry> entries_;
  bool kept_ = false;
};

// What has to be written to a file that held `before`, so that it is again as it was before `written` was:
// files that have a line a device take one line, and one that lists what it does not take ("oom_kill 0") a
// part of it.
std::string to_put_back(std::string_view file, std::string_view written, std::string_view before);

}  // namespace rocker::cgroup
