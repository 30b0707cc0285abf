// checkpoint and restore: refused, in one line.
#include "rocker-runc/commands/commands.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

static int refuse(const char* name) {
  throw Error(cat(name, ": is not supported by this runtime yet"))
      .hint("use runc or crun with criu for this container");
}

int checkpoint(const Globals&, const std::vector<std::string>&) {
  return refuse("checkpoint");
}
int restore(const Globals&, const std::vector<std::string>&) {
  return refuse("restore");
}

}  // namespace rocker::commands
