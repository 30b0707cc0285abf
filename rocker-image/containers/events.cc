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

namespace {

struct Event {
  std::string_view type, action;
  std::string id;
  std::string from;  // of a container: its image
  spec::StringMap attributes;
};

void append(const std::string& root, const Event& event) {
  // The file is begun anew when it has grown to this; one before it is kept.
  constexpr off_t most = 8 << 20;
  const std::int64_t now = now_ns();
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("Type", event.type);
    w.member("Action", event.action);
    w.member("status", event.action);
    w.member("id", event.id);
    w.member("from", event.from);
    w.object("Actor", [&] {
      w.member("ID", event.id);
      w.member("Attributes", event.attributes);
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
    const int why = error.errno_value();
    if (why != EROFS && why != EACCES) log::warn(error.what());
  }
}

}  // namespace

void note_event(const std::string& root, std::string_view action, const Facts& facts,
                const spec::StringMap& more) {
  spec::StringMap attributes = facts.labels;
  for (const auto& [key, value] : more) attributes.insert_or_assign(key, value);
  attributes.insert_or_assign("image", facts.image);
  attributes.insert_or_assign("name", facts.name);
  if (action == "die" && facts.exit_code) attributes.insert_or_assign("exitCode", cat(*facts.exit_code));
  append(root, {"container", action, facts.id, facts.image, std::move(attributes)});
}

void note_image_event(const std::string& root, std::string_view action, const spec::Reference& image) {
  append(root, {"image", action, image.id(), {}, {{"name", image.text()}}});
}

void note_volume_event(const std::string& root, std::string_view action, const std::string& name) {
  append(root, {"volume", action, name, {}, {{"driver", "local"}}});
}

}  // namespace rocker::containers
