// state and list.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-runc/commands/commands.hh"
#include "spec/config.hh"
#include "spec/json.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

struct Row {
  Record record;
  Status status = Status::stopped;
  std::string owner;
  pid_t pid() const { return status == Status::stopped ? 0 : record.pid; }
};

Row look(const Container& container) {
  Row row{container.record(), container.status(), {}};
  const passwd* user = ::getpwuid(row.record.owner);
  row.owner = user != nullptr ? user->pw_name : cat("#", row.record.owner);
  return row;
}

// The OCI state, with the members that runc adds to it.
void write(json::Writer& w, const Row& row) {
  w.object([&] {
    w.member("ociVersion", spec::oci_version);
    w.member("id", row.record.id);
    w.member("pid", row.pid());
    w.member("status", name(row.status));
    w.member("bundle", row.record.bundle);
    w.member("rootfs", row.record.rootfs);
    w.member("created", row.record.created);
    w.unless_empty("annotations", row.record.annotations);
    w.member("owner", row.owner);
  });
}

void print(const std::string& text) {
  write_all(STDOUT_FILENO, text, "standard output");
}

std::string table_of(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const auto& row : rows) {
    lines.push_back({row.record.id, std::to_string(row.pid()), std::string(name(row.status)),
                     row.record.bundle, row.record.created, row.owner});
  }
  std::vector<std::size_t> widths(lines[0].size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text += std::string(widths[i] - line[i].size() + 3, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace

int state(const Globals& globals, const std::vector<std::string>& args) {
  std::string id;
  CommandLine app("state", "ID", "Prints the state of a container as JSON (runtime.md, \"State\").");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  json::Writer w;
  write(w, look(Container::load(globals.root, id)));
  print(w.text());
  return 0;
}

int list(const Globals& globals, const std::vector<std::string>& args) {
  std::string format = "table";
  bool quiet = false;
  CommandLine app("list", "", "Lists the containers below --root.");
  app.add_option("-f,--format", format, "table or json")->one_of({"table", "json"});
  app.add_flag("-q,--quiet", quiet, "only the IDs");
  if (!app.read(args)) return 0;
  std::vector<Row> rows;
  for (const auto& id : Container::list(globals.root)) {
    try {
      rows.push_back(look(Container::load(globals.root, id)));
    } catch (const Error& error) {
      // Deleted meanwhile, or broken: the others are listed all the same.
      if (error.errno_value() != ENOENT) log::warn(error.what());
    }
  }
  if (quiet) {
    std::string text;
    for (const auto& row : rows) text += cat(row.record.id, "\n");
    print(text);
  } else if (format == "json") {
    json::Writer w(json::Writer::Style::compact);
    w.array([&] {
      for (const auto& row : rows) write(w, row);
    });
    print(cat(w.text(), "\n"));
  } else {
    print(table_of(rows));
  }
  return 0;
}

}  // namespace rocker::commands
