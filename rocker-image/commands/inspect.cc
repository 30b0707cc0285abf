#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/store.hh"
#include "rocker-image/template/rows.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/utf8.hh"

namespace rocker::commands {

namespace {

// What image.json leaves out when there is nothing to say; docker's templates know it all the same.
constexpr Template::Known optional_members[] = {{"config"},
                                                {"Config"},
                                                {"source"},
                                                {"Source"},
                                                {"history"},
                                                {"History"},
                                                {"created"},
                                                {"Created"},
                                                {"generation"},
                                                {"Generation"},
                                                {"os"},
                                                {"Os"},
                                                {"architecture"},
                                                {"Architecture"},
                                                {"variant"},
                                                {"Variant"},
                                                {"path"},
                                                {"digest"},
                                                {"diff_ids"},
                                                {"format"},
                                                {"User"},
                                                {"WorkingDir"},
                                                {"StopSignal"},
                                                {"Env", templates::Nothing::list},
                                                {"Cmd", templates::Nothing::list},
                                                {"Entrypoint", templates::Nothing::list},
                                                {"ExposedPorts", templates::Nothing::map},
                                                {"Labels", templates::Nothing::map},
                                                {"Volumes", templates::Nothing::map},
                                                {"Healthcheck", templates::Nothing::pointer}};

}  // namespace

int inspect(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("inspect", "IMAGE...", "Shows all that is known of images, as a JSON array.");
  std::vector<std::string> names;
  line.add_option("IMAGE", names, "NAME[:TAG], or the beginning of an ID")->required();
  std::string format;
  line.add_option("--format,-f", format,
                  "json, or a text with {{.Member}} and {{json .Member}}, instead of the JSON array");
  if (!line.read(args)) return 0;

  const Store store(globals.root);
  int status = 0;
  json::Writer w;
  w.array([&] {
    for (const auto& name : names) {
      try {
        const auto image = store.find(name);
        store.check_rootfs(image);
        auto document = json::Document::parse(spec::write_image_record(image.record), "image.json");
        w.object([&] {
          document.root().each_member([&](const std::string& key, const json::Value& value) {
            w.key(key);
            w.raw(value.text());
          });
          w.member("rootfs", image.rootfs());
          w.member("used_by", store.users(image.generation()));
        });
      } catch (const Error& error) {
        log::error(error.what());
        status = error.exit_status();
      }
    }
  });
  if (format.empty()) {
    print(terminal_json(w.text()));
    return status;
  }
  const auto document = json::Document::parse(w.text(), "inspect");
  std::vector<std::string> rows;
  document.root().each_element([&](const json::Value& image) { rows.push_back(image.text()); });
  print(render_rows(format, rows, {}, {}, {std::begin(optional_members), std::end(optional_members)}));
  return status;
}

}  // namespace rocker::commands
