// version: of the programs that work together, in docker's members.
#include <sys/utsname.h>

#include "rocker-image/template/template.hh"
#include "rocker-image/verbs/spawn.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/image.hh"

namespace rocker::verbs {

namespace {

struct VersionOptions {
  std::string format;
};

constexpr grammar::Option<VersionOptions> version_table[] = {
    {{"format", 'f', "FORMAT", "json, or a template like {{.Client.Version}}"},
     [](VersionOptions& o, std::string_view v) { o.format = v; }},
};

// What a program says of itself; nothing when it is not there.
std::string said_by(const std::string& program) {
  try {
    return run_program({program, "--version"}).out;
  } catch (const Error&) {
    return {};
  }
}

// "NAME version NUMBER" and "NAME NUMBER": the last word of the first line.
std::string number_in(std::string_view said) {
  const auto line = trim(said.substr(0, said.find('\n')));
  return std::string(line.substr(line.rfind(' ') + 1));
}

std::string as_json(std::string_view runtime_said, std::string_view monitor_said) {
  struct utsname host {};
  ::uname(&host);
  const std::string arch = spec::machine_architecture();
  json::Writer w;
  const auto common = [&] {
    w.member("Version", ROCKER_VERSION);
    w.member("Os", "linux");
    w.member("Arch", arch);
  };
  w.object([&] {
    w.object("Client", common);
    w.object("Server", [&] {
      common();
      w.member("KernelVersion", host.release);
      w.array("Components", [&] {
        const auto component = [&](std::string_view name, const std::string& number) {
          if (number.empty()) return;
          w.object([&] {
            w.member("Name", name);
            w.member("Version", number);
          });
        };
        component("rocker-image", ROCKER_VERSION);
        component("rocker-runc", number_in(runtime_said));
        component("conmon", number_in(monitor_said));
      });
    });
  });
  return w.text();
}

}  // namespace

Rows version_rows() {
  return grammar::rows_of(table(version_table));
}

int version(const Room& /*room*/, Args args) {
  VersionOptions options;
  const auto rest =
      grammar::parse("version", table(version_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("version", rest);
  const auto runtime_said = said_by(runtime()), monitor_said = said_by("conmon");
  if (options.format.empty()) {
    print(cat("rocker version " ROCKER_VERSION "\nrocker-image " ROCKER_VERSION "\n", runtime_said,
              monitor_said.substr(0, monitor_said.find('\n') + 1)));
    return 0;
  }
  const auto text = as_json(runtime_said, monitor_said);
  if (options.format == "json") {
    print(text);
    return 0;
  }
  const auto document = json::Document::parse(text, "version");
  print(cat(Template(options.format).render(document.root()), "\n"));
  return 0;
}

}  // namespace rocker::verbs
