#include <time.h>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/store.hh"
#include "rocker-image/template/rows.hh"
#include "spec/json.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

namespace {

// The steps as docker shows them: the latest first. An image of a plain tar has one, its import.
std::vector<spec::ImageHistory> steps_of(const spec::ImageRecord& record) {
  if (!record.history.empty()) return {record.history.rbegin(), record.history.rend()};
  spec::ImageHistory import;
  import.created = spec::utc_time(record.created_ns);
  import.comment = cat("Imported from ", record.source.path);
  return {import};
}

// With the names that docker has for its columns. Only the latest step has an ID: it is the image's.
std::string as_json(const spec::ImageHistory& step, const std::string& id, bool no_trunc) {
  std::int64_t ns = 0;
  const bool dated = spec::parse_utc_time(step.created, ns);
  const std::int64_t now = std::int64_t{::time(nullptr)} * 1'000'000'000;  // nanoseconds
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("ID", id);
    w.member("CreatedAt", dated ? spec::utc_time(ns) : std::string("N/A"));
    w.member("CreatedSince", dated ? cat(age(now - ns), " ago") : std::string("N/A"));
    w.member("CreatedBy", printable(step.created_by, no_trunc ? 65536 : 45));
    // What a layer takes up is not noted down: its files lie among the others'.
    w.member("Size", step.empty_layer ? "0B" : "N/A");
    w.member("Comment", printable(step.comment, 4096));
  });
  return w.text();
}

}  // namespace

int history(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("history", "IMAGE",
                   "Shows where an image came from: the archive, its digest, and the steps it was made by.");
  std::string name, format;
  bool no_trunc = false, quiet = false, human = true;
  line.add_option("IMAGE", name, "NAME[:TAG], or the beginning of an ID")->required();
  line.add_option("--format", format,
                  "json, table, or a text with {{.ID}}, {{.CreatedSince}}, {{.CreatedAt}}, {{.CreatedBy}}, "
                  "{{.Size}}, {{.Comment}}");
  line.add_flag("--human,-H", human, "Always so: times and sizes as people read them");
  line.add_flag("--no-trunc", no_trunc, "Show commands in full length");
  line.add_flag("--quiet,-q", quiet, "Only the IDs; a step that is no image has none");
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  const auto image = store.find(name);
  const auto& record = image.record;
  if (quiet || !format.empty()) {
    const std::string missing = "<missing>", id = no_trunc ? record.id : spec::short_id(record.id);
    std::vector<std::string> rows;
    std::string ids;
    for (const auto& step : steps_of(record)) {
      const std::string& own = rows.empty() ? id : missing;
      ids += cat(own, "\n");
      rows.push_back(as_json(step, own, no_trunc));
    }
    print(quiet ? ids
                : render_rows(format, rows,
                              {{"IMAGE", "ID"},
                               {"CREATED", "CreatedSince"},
                               {"CREATED BY", "CreatedBy"},
                               {"SIZE", "Size"},
                               {"COMMENT", "Comment"}},
                              {{"CREATED AT", "CreatedAt"}}));
    return 0;
  }
  std::string out;
  if (!record.source.path.empty()) {
    out += cat("from    ", printable(record.source.path == "-" ? "standard input" : record.source.path, 4096),
               record.source.format.empty() ? "" : cat(" (", printable(record.source.format), ")"), "\n");
  }
  if (!record.source.digest.empty()) out += cat("digest  ", printable(record.source.digest), "\n");
  out += cat("at      ", printable(record.created_time), "\n");
  if (!record.history.empty()) {
    std::vector<std::vector<std::string>> rows{{"CREATED", "CREATED BY", "COMMENT"}};
    for (const auto& step : steps_of(record)) {
      std::int64_t ns = 0;
      rows.push_back({spec::parse_utc_time(step.created, ns) ? spec::local_time(ns) : std::string("-"),
                      printable(step.created_by, no_trunc ? 65536 : 60), printable(step.comment, 4096)});
    }
    out += cat("\n", table_text(rows));
  }
  print(out);
  return 0;
}

}  // namespace rocker::commands
