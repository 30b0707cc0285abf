// A group in one hierarchy: a directory whose files are the kernel's. Every file costs an open, a write and a
// close, 10 to 20 microseconds, so nothing here looks before it writes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/support/error.hh"
#include "spec/support/fd.hh"

namespace rocker::cgroup {

// A value for one file of a group.
struct Setting {
  std::string file;
  std::string value;
};

class Journal;  // journal.hh

class Group {
 public:
  Group() = default;
  explicit Group(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // The directory, opened when it is first needed. Throws.
  int fd() const;
  // Takes the group for a container that is being made, until this object or its process is no more: of two
  // that ask at the same time one gets it. (An flock(2) of the directory.)
  bool claim() const;
  bool exists() const;

  // Makes the group and what is missing above it; the names of what was made are appended to `made`, topmost
  // first. False when it was there already.
  bool make(std::vector<std::string>* made);

  // One write(2). Throws Error with the controller, the file, the value, and what the kernel takes where it
  // is known.
  void write(std::string_view file, std::string_view value) const;
  // The same, with the errno for an answer; 0 when it went well.
  int try_write(std::string_view file, std::string_view value) const;
  [[nodiscard]] Error write_error(std::string_view file, std::string_view value, int errno_value) const;

  // All of the settings, in an order that the kernel takes: one that is refused with EINVAL is tried again
  // after the others, for as long as that gets any of them through. (memory+swap may not be below memory, nor
  // a quota below its burst, and whether the pair goes up or down decides which has to be first.)
  void write_settled(std::vector<Setting> settings) const;

  // The text of a file without the line end; nothing when there is no such file.
  std::optional<std::string> read_if_exists(std::string_view file) const;
  std::string read(std::string_view file) const;
  std::optional<std::uint64_t> number(std::string_view file) const;  // "max" counts as the largest
  // "key value" lines: the value of one key.
  std::optional<std::uint64_t> number(std::string_view file, std::string_view key) const;

  // The pids in the file ("cgroup.procs"), of this group alone; `deep` with those of the groups below.
  std::vector<pid_t> processes(bool deep, std::string_view file = "cgroup.procs") const;
  bool empty() const;

  // The groups below, deepest first, as paths relative to this one.
  std::vector<std::string> below() const;

  // rmdir of the groups below and this one; those that are busy are tried again until `deadline_ms` are over.
  // A group that is not there is no error.
  void remove(int deadline_ms) const;
  // The group alone, when nothing is in it within `deadline_ms`: one that somebody uses, or is about to,
  // stays. False when it stays.
  bool remove_if_empty(int deadline_ms) const;

 private:
  friend class Journal;
  std::string path_;
  mutable UniqueFd dir_;
  mutable Journal* journal_ = nullptr;  // takes down what is written
};

// The number in a text like "123\n" or "max"; nothing for anything else.
std::optional<std::uint64_t> to_number(std::string_view text);

}  // namespace rocker::cgroup
