#include "spec/state.hh"

#include "spec/config.hh"
#include "spec/json.hh"

namespace rocker::spec {

std::string write_state(const State& state) {
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("ociVersion", oci_version);
    w.member("id", state.id);
    w.member("status", state.status);
    if (state.pid != 0) w.member("pid", state.pid);
    w.member("bundle", state.bundle);
    w.unless_empty("annotations", state.annotations);
    w.member("exitStatus", state.exit_status);
  });
  return w.text();
}

}  // namespace rocker::spec
