#include "rocker-image/commands/cli.hh"

#include <unistd.h>

#include "spec/support/file.hh"

namespace rocker {

void print(std::string_view text) {
  write_all(STDOUT_FILENO, text, "standard output");
}

}  // namespace rocker
