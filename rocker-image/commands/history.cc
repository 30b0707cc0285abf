#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/store.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

int history(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("history", "IMAGE",
                   "Shows where an image came from: the archive, its digest, and the steps it was made by.");
  std::string name;
  bool no_trunc = false;
  line.add_option("IMAGE", name, "NAME[:TAG], or the beginning of an ID")->required();
  line.add_flag("--no-trunc", no_trunc, "Show commands in full length");
  if (!line.read(args)) return 0;
  const Store store(globals.root);
  const auto image = store.find(name);
  const auto& record = image.record;
  std::string out;
  if (!record.source.path.empty()) {
    out += cat("from    ", printable(record.source.path == "-" ? "standard input" : record.source.path, 4096),
               record.source.format.empty() ? "" : cat(" (", record.source.format, ")"), "\n");
  }
  if (!record.source.digest.empty()) out += cat("digest  ", record.source.digest, "\n");
  out += cat("at      ", record.created_time, "\n");
  if (!record.history.empty()) {
    std::vector<std::vector<std::string>> rows{{"CREATED", "CREATED BY", "COMMENT"}};
    // As docker has it: the latest step first.
    for (auto step = record.history.rbegin(); step != record.history.rend(); ++step) {
      std::int64_t ns = 0;
      rows.push_back({spec::parse_utc_time(step->created, ns) ? spec::local_time(ns) : std::string("-"),
                      printable(step->created_by, no_trunc ? 65536 : 60), printable(step->comment, 4096)});
    }
    out += cat("\n", table_text(rows));
  }
  print(out);
  return 0;
}

}  // namespace rocker::commands
