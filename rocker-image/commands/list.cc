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

using Summary = Store::Summary;

// docker's patterns: a repository, or a repository and tag. "*" stops at no "/" of a name.
bool matches(const Summary& image, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), image.reference.text().c_str(), 0) == 0 ||
         ::fnmatch(pattern.c_str(), image.reference.name.c_str(), 0) == 0;
}

// docker's --filter: dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE.
struct Filters {
  std::vector<std::function<bool(const Summary&)>> each;
  std::vector<std::string> references;  // one is enough
  std::vector<std::string> labels;      // for which the whole image has to be read

  bool let_through(const Summary& image, const spec::ImageRecord* record) const {
    const auto has = [&](const std::string& label) { return has_label(record->config.labels, label); };
    const auto is = [&](const std::string& pattern) { return matches(image, pattern); };
    return std::all_of(each.begin(), each.end(), [&](const auto& filter) { return filter(image); }) &&
           (references.empty() || std::any_of(references.begin(), references.end(), is)) &&
           std::all_of(labels.begin(), labels.end(), has);
  }
};

void add_filter(Filters& filters, const std::string& text, const Store& store) {
  const auto equals = text.find('=');
  const std::string key = text.substr(0, equals),
                    value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (value.empty()) throw Error(cat("--filter: \"", printable(text), "\" is not KEY=VALUE"));
  if (key == "reference") {
    filters.references.push_back(value);
  } else if (key == "label") {
    filters.labels.push_back(value);
  } else if (key == "dangling") {
    // Every image of the store has a name.
    const bool wanted = grammar::parse_flag(value, "--filter dangling");
    filters.each.emplace_back([wanted](const Summary&) { return !wanted; });
  } else if (key == "before") {
    const auto limit = store.find(value).record.created_ns;
    filters.each.emplace_back([limit](const Summary& image) { return image.created_ns < limit; });
  } else if (key == "since") {
    const auto limit = store.find(value).record.created_ns;
    filters.each.emplace_back([limit](const Summary& image) { return image.created_ns > limit; });
  } else {
    throw Error(cat("--filter: \"", printable(key), "\" is not known"))
        .hint("one of reference, label, before, since, dangling");
  }
}

std::string digest_of(const Image& image) {
  return image.record.source.digest.empty() ? "<none>" : image.record.source.digest;
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
    w.member("CreatedAt", image.record.created_time);
    w.member("CreatedSince", cat(age(now - image.record.created_ns), " ago"));
    w.member("Created", spec::utc_time(image.record.created_ns));
    w.member("Digest", digest_of(image));
    w.member("VirtualSize", format_size(image.record.size));
    w.member("Architecture", image.record.architecture);
    w.member("Path", image.rootfs());
  });
  return w.text();
}

struct Line {
  std::vector<std::string> cells;  // name, tag, digest when it is wanted, ID, size, time
  std::string json;                // when it is wanted
  std::int64_t created_ns = 0;
};

struct Wanted {
  Filters filters;
  bool whole_ids = false, digests = false, json = false;
};

// Newest first, ties by name.
std::vector<Line> lines_of(const Store& store, const Wanted& wanted) {
  std::vector<Line> lines;
  const auto take = [&](Summary& shown, const Image* image) {
    if (!wanted.filters.let_through(shown, image != nullptr ? &image->record : nullptr)) return;
    std::string id = shown.reference.id();
    if (!wanted.whole_ids) id = spec::short_id(id);
    auto& line = lines.emplace_back();
    line.created_ns = shown.created_ns;
    if (wanted.json) line.json = as_json(*image, id);
    line.cells.reserve(wanted.digests ? 6 : 5);
    line.cells.push_back(std::move(shown.reference.name));
    line.cells.push_back(std::move(shown.reference.tag));
    if (wanted.digests) line.cells.push_back(digest_of(*image));
    line.cells.push_back(std::move(id));
    line.cells.push_back(format_size(shown.size));
    line.cells.push_back(std::move(shown.created_time));
  };
  const auto broken = [](const Error& error) { log::warn(error.what()); };
  if (wanted.digests || wanted.json || !wanted.filters.labels.empty()) {
    store.each(
        [&](const Image& image) {
          auto summary = Store::summary_of(image);
          take(summary, &image);
        },
        broken);
  } else {
    store.each_summary([&](Summary& summary) { take(summary, nullptr); }, broken);
  }
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
  for (const auto& text : filters) add_filter(what.filters, text, store);
  if (!wanted.empty())
    what.filters.each.emplace_back([&](const Summary& image) { return matches(image, wanted); });
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
