#include "rocker-image/containers/events.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include "rocker-image/containers/containers.hh"
#include "spec/json.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

std::string events_file(const std::string& root) {
  return cat(root, "/events");
}

void note_event(const std::string& root, std::string_view action, const Facts& facts) {
  // The file is begun anew when it has grown to this; one before it is kept.
  constexpr off_t most = 8 << 20;
  const std::int64_t now = now_ns();
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("Type", "container");
    w.member("Action", action);
    w.member("status", action);
    w.member("id", facts.id);
    w.member("from", facts.image);
    w.object("Actor", [&] {
      w.member("ID", facts.id);
      w.object("Attributes", [&] {
        w.member("image", facts.image);
        w.member("name", facts.name);
        if (action == "die" && facts.exit_code) w.member("exitCode", cat(*facts.exit_code));
        for (const auto& [key, value] : facts.labels) w.member(key, value);
      });
    });
    w.member("scope", "local");
    w.member("time", now / 1'000'000'000);
    w.member("timeNano", now);
  });
  try {
    const std::string path = events_file(root);
    const UniqueFd fd = open_path(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    // One write, so that two commands never mix their lines (write(2), O_APPEND).
    write_all(fd.get(), w.text() + "\n", path);
    struct stat st {};
    if (::fstat(fd.get(), &st) == 0 && st.st_size > most) ::rename(path.c_str(), cat(path, ".1").c_str());
  } catch (const Error& error) {
    log::warn(error.what());
  }
}

}  // namespace rocker::containers
