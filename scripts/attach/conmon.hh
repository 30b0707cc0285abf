// conmon as its client sees it: files in the container's folder.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "spec/support/fd.hh"

namespace rocker::attach {

class Conmon {
 public:
  // Opens what will be needed at the end too: the folder of a container with --rm is gone by then. Throws
  // Error.
  explicit Conmon(const std::string& directory);

  // The socket of packets: those that come begin with a byte for the stream, those that go are the input.
  UniqueFd connect() const;

  // Tells the size of the terminal.
  void resize(unsigned short rows, unsigned short columns) const;

  // Sends a signal to the container's first process.
  void signal(int number) const;

  // conmon itself; it ends when all is noted down and cleaned up.
  int monitor() const { return monitor_.get(); }

  // Whether the container's first process is gone.
  bool process_gone() const;

  struct End {
    int exit_code = 0;
    bool out_of_memory = false;
  };
  // How it ended; nothing when nobody could note that down.
  std::optional<End> end() const;

 private:
  std::string in_directory(const char* name) const;
  UniqueFd directory_, status_, monitor_, process_;
};

// The byte that a packet begins with.
inline constexpr char from_stdout = 2, from_stderr = 3;
inline constexpr std::size_t most_input = 8192;    // a packet that goes
inline constexpr std::size_t most_output = 32768;  // a packet that comes

}  // namespace rocker::attach
