// What the beginning of a file says about how the kernel would execute it. The file is the container's: none
// of it is trusted.
#pragma once

#include <optional>
#include <string>

#include "spec/support/fd.hh"

namespace rocker::process {

// The beginning of a file, as much as the kernel looks at (BINPRM_BUF_SIZE is 256; program headers are behind
// it). Only a regular file is opened: opening a device or a FIFO could do something.
struct Head {
  UniqueFd fd;
  std::string bytes;
  bool readable = false;
};
Head read_head(const std::string& path);

// The interpreter of "#!interpreter argument"; nothing when there is no such line.
std::optional<std::string> parse_shebang(const Head& head);

// elf(5)
struct Elf {
  bool wide = false, little = false;
  unsigned machine = 0;
  bool program = false;  // ET_EXEC or ET_DYN
  std::string interpreter;
  bool broken = false;
};
std::optional<Elf> parse_elf(const Head& head);

// An architecture in words: "x86-64", "PowerPC 64 little-endian".
std::string machine_name(unsigned machine, bool wide, bool little);
// What this kernel runs natively: our own ELF header says it, since we are running.
std::string own_machine();

}  // namespace rocker::process
