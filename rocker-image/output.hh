#pragma once

#include <string>

#include "spec/support/fd.hh"

namespace rocker {

// Where an archive goes: standard output, or a file that is there whole or not at all.
class Output {
 public:
  // "-" or nothing is standard output, which must not be a terminal. Throws Error.
  explicit Output(const std::string& path);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  // All is written: the file gets its name.
  void finish();

 private:
  std::string path_, part_, name_;
  bool named_ = false;  // part_ is there, and is taken away unless it gets path_'s name
  UniqueFd fd_;
};

}  // namespace rocker
