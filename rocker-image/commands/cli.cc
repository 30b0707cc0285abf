#include "rocker-image/commands/cli.hh"

#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

void print(std::string_view text) {
  write_all(STDOUT_FILENO, text, "standard output");
}

void print_done(std::string_view done, std::string_view text) {
  try {
    print(text);
  } catch (Error& error) {
    throw error.context(cat(done, ", but that could not be told"));
  }
}

}  // namespace rocker
