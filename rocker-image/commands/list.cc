#include <fnmatch.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/grammar.hh"
#include "rocker-image/labels.hh"
#include "rocker-image/store.hh"
#include "rocker-image/template/rows.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

namespace {

// docker's patterns: a repository, or a repository and tag. "*" stops at no "/" of a name.
bool matches(const Image& image, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), image.reference.text().c_str(), 0) == 0 ||
         ::fnmatch(pattern.c_str(), image.reference.name.c_str(), 0) == 0;
}

using Filter = std::function<bool(const Image&)>;

// docker's: dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE.
Filter parse_filter(const std::string& text, const Store& store) {
  const auto equals = text.find('=');
  const std::string key = text.substr(0, equals),
                    value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (value.empty()) throw Error(cat("--filter: \"", printable(text), "\" is not KEY=VALUE"));
  if (key == "dangling") {
    // Every image of the store has a name.
    return [wanted = grammar::parse_flag(value, "--filter dangling")](const Image&) { return !wanted; };
  }
  if (key == "label") {
    return [value](const Image& image) { return has_label(image.record.config.labels, value); };
  }
  if (key == "before" || key == "since") {
    const auto limit = store.find(value).record.created_ns;
    if (key == "before") return [limit](const Image& image) { return image.record.created_ns < limit; };
    return [limit](const Image& image) { return image.record.created_ns > limit; };
  }
  throw Error(cat("--filter: \"", printable(key), "\" is not known"))
      .hint("one of reference, label, before, since, dangling");
}

std::string digest_of(const Image& image) {
  return image.record.source.digest.empty() ? "<none>" : image.record.source.digest;
}

// Here and now: the record has it as the clock of its importer showed it.
std::string shown_time(const spec::ImageRecord& record) {
  return record.created_ns == 0 ? record.created_time : spec::local_time(record.created_ns);
}

// An image with the names that docker has for its columns.
std::string as_json(const Image& image, const std::string& id) {
  const std::int64_t now = std::int64_t{::time(nullptr)} * 1'000'000'000;  // nanoseconds
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("ID", id);
    w.member("Repository", image.reference.name);
    w.member("Tag", image.reference.tag);
    w.member("Size", format_size(image.record.size));
    w.member("Bytes", image.record.size);
    w.member("DiskUsage", image.record.disk_usage);
    w.member("CreatedAt", shown_time(image.record));
    w.member("CreatedSince", cat(age(now - image.record.created_ns), " ago"));
    w.member("Created", spec::utc_time(image.record.created_ns));
    w.member("Digest", digest_of(image));
    w.member("VirtualSize", format_size(image.record.size));
    w.member("Architecture", image.record.architecture);
    w.member("Path", image.rootfs());
  });
  return w.text();
}

// What is shown of an image. A store may have thousands, and their histories and configurations are many
// times as much memory.
struct Line {
  std::vector<std::string> cells;  // name, tag, digest when it is wanted, ID, size, time
  std::string json;                // when it is wanted
  std::int64_t created_ns = 0;
};

struct Wanted {
  std::vector<Filter> filters;
  bool whole_ids = false, digests = false, json = false, labels = false;
};

// Newest first, ties by name.
std::vector<Line> lines_of(const Store& store, const Wanted& wanted) {
  std::vector<Line> lines;
  const auto take = [&](Image& image) {
    if (!std::all_of(wanted.filters.begin(), wanted.filters.end(),
                     [&](const Filter& filter) { return filter(image); })) {
      return;
    }
    auto& record = image.record;
    std::string id = wanted.whole_ids ? record.id : spec::short_id(record.id);
    auto& line = lines.emplace_back();
    line.created_ns = record.created_ns;
    if (wanted.json) line.json = as_json(image, id);
    line.cells.reserve(wanted.digests ? 6 : 5);
    line.cells.push_back(std::move(image.reference.name));
    line.cells.push_back(std::move(image.reference.tag));
    if (wanted.digests) line.cells.push_back(digest_of(image));
    line.cells.push_back(std::move(id));
    line.cells.push_back(format_size(record.size));
    line.cells.push_back(shown_time(record));
  };
  const bool more = wanted.digests || wanted.json || wanted.labels;
  store.each(more ? Store::Part::all : Store::Part::head, take,
             [](const Error& error) { log::warn(error.what()); });
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    if (a.created_ns != b.created_ns) return a.created_ns > b.created_ns;
    return std::tie(a.cells[0], a.cells[1]) < std::tie(b.cells[0], b.cells[1]);
  });
  return lines;
}

}  // namespace

int list(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("list", "[NAME[:TAG]]", "Shows the images of the store, newest first.");
  std::string format, wanted;
  std::vector<std::string> filters;
  bool quiet = false, no_trunc = false, all = false, digests = false;
  line.add_option("NAME", wanted, "Only the images of that name; * stands for anything");
  line.add_flag("--all,-a", all, "Always so: there are no unnamed images");
  line.add_flag("--digests", digests, "The digests of what was imported, too");
  line.add_flag("--quiet,-q", quiet, "Only the IDs");
  line.add_flag("--no-trunc", no_trunc, "IDs in full length");
  line.add_option("--format", format,
                  "json, table, or a text with {{.ID}}, {{.Repository}}, {{.Tag}}, {{.Size}}, "
                  "{{.CreatedAt}}, {{.CreatedSince}}");
  line.add_option(
          "--filter,-f", filters,
          "reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE or dangling=false; repeatable")
      ->allow_extra_args(false);
  if (!line.read(args)) return 0;

  const Store store(globals.root);
  Wanted what;
  what.whole_ids = no_trunc;
  what.digests = digests;
  what.json = !format.empty();
  // docker's: one of the references, and all else.
  constexpr std::string_view by_reference = "reference=";
  std::vector<std::string> references;
  for (const auto& text : filters) {
    if (text.starts_with(by_reference) && text.size() > by_reference.size()) {
      references.push_back(text.substr(by_reference.size()));
      continue;
    }
    what.filters.push_back(parse_filter(text, store));
    if (text.starts_with("label=")) what.labels = true;
  }
  if (!references.empty()) {
    what.filters.emplace_back([&](const Image& image) {
      return std::any_of(references.begin(), references.end(),
                         [&](const std::string& pattern) { return matches(image, pattern); });
    });
  }
  if (!wanted.empty()) {
    what.filters.emplace_back([&](const Image& image) { return matches(image, wanted); });
  }
  auto lines = lines_of(store, what);
  if (quiet) {
    std::string out;
    for (const auto& shown : lines) out += cat(shown.cells[digests ? 3 : 2], "\n");
    print(out);
    return 0;
  }
  if (!format.empty()) {
    std::vector<std::string> rows;
    for (const auto& shown : lines) rows.push_back(shown.json);
    std::vector<Column> columns{{"REPOSITORY", "Repository"},
                                {"TAG", "Tag"},
                                {"IMAGE ID", "ID"},
                                {"CREATED", "CreatedSince"},
                                {"SIZE", "Size"}};
    const Column digest{"DIGEST", "Digest"};
    if (digests) columns.insert(columns.begin() + 2, digest);
    print(render_rows(format, rows, columns, {digest, {"CREATED AT", "CreatedAt"}}));
    return 0;
  }
  if (lines.empty() && filters.empty() && wanted.empty()) {
    print("No images found. Use 'rocker import <tar-file> <image-name>' to import an image.\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "IMAGE ID", "SIZE", "CREATED"}};
  if (digests) rows[0].insert(rows[0].begin() + 2, "DIGEST");
  rows.reserve(lines.size() + 1);
  for (auto& shown : lines) rows.push_back(std::move(shown.cells));
  print(table_text(std::move(rows)));
  return 0;
}

}  // namespace rocker::commands
