// ps: the containers as a table, docker's columns, a template or JSON.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/template/rows.hh"
#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/image.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

struct PsOptions {
  bool all = false, quiet = false, no_trunc = false, size = false;
  std::int64_t last = -1;
  std::vector<std::string> filters;
  std::string format, sort;
};

constexpr grammar::Option<PsOptions> ps_table[] = {
    {{"all", 'a', "", "those that do not run, too"}, [](PsOptions& o, std::string_view v) { o.all = on(v); }},
    {{"filter", 'f', "KEY=VALUE", filter_help},
     [](PsOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"format", 0, "FORMAT", "table (docker's columns), json, or a template like {{.ID}}"},
     [](PsOptions& o, std::string_view v) { o.format = v; }},
    {{"last", 'n', "N", "the N newest ones"},
     [](PsOptions& o, std::string_view v) { o.last = bundle::parse_integer(v, "--last", -1, INT32_MAX); }},
    {{"latest", 'l', "", "the newest one"},
     [](PsOptions& o, std::string_view v) { o.last = on(v) ? 1 : -1; }},
    {{"no-trunc", 0, "", "nothing cut"}, [](PsOptions& o, std::string_view v) { o.no_trunc = on(v); }},
    {{"quiet", 'q', "", "IDs only"}, [](PsOptions& o, std::string_view v) { o.quiet = on(v); }},
    {{"size", 's', "", "what each has written"}, [](PsOptions& o, std::string_view v) { o.size = on(v); }},
    {{"sort", 0, "FIELD", "by created (usual), id, image, names, size or status"},
     [](PsOptions& o, std::string_view v) {
       constexpr std::string_view fields[] = {"created", "id", "image", "name", "names", "size", "status"};
       if (std::find(std::begin(fields), std::end(fields), v) == std::end(fields)) {
         throw Error(cat("ps: --sort: expected created, id, image, names, size or status, found \"",
                         printable(v), "\""));
       }
       o.sort = v;
     }},
};

constexpr Column docker_columns[] = {{"CONTAINER ID", "ID"},    {"IMAGE", "Image"},   {"COMMAND", "Command"},
                                     {"CREATED", "RunningFor"}, {"STATUS", "Status"}, {"PORTS", "Ports"},
                                     {"NAMES", "Names"}};
// Of what a format may ask for beside them.
constexpr Column more_headings[] = {{"CREATED AT", "CreatedAt"},
                                    {"IMAGE ID", "ImageID"},
                                    {"LOCAL VOLUMES", "LocalVolumes"},
                                    {"SIZE", "Size"}};

std::string short_status(const Facts& facts, const Live& live) {
  switch (live.status) {
    case Status::created: return "Created";
    case Status::starting: return "Starting";
    case Status::running: return "Running";
    case Status::paused: return "Paused";
    case Status::restarting: {
      const auto& code = facts.exit_code ? facts.exit_code : facts.exit_code_before;
      return cat("Restarting (", code ? cat(*code) : "unknown", ")");
    }
    case Status::dead: return "Dead";
    case Status::exited: break;
  }
  return facts.exit_code ? cat("Exited (", *facts.exit_code, ")") : "Exited (unknown)";
}

std::string docker_status(const Facts& facts, const Live& live, std::int64_t now) {
  if (live.pid != 0) {
    return cat("Up ", age(now - facts.started_ns), live.status == Status::paused ? " (Paused)" : "",
               facts.health.empty() ? "" : cat(" (", facts.health, ")"));
  }
  if (live.status == Status::restarting && facts.finished_ns == 0)
    return cat(short_status(facts, live), " ", age(now - facts.started_ns), " ago");
  if (live.status != Status::exited && live.status != Status::restarting) return short_status(facts, live);
  return cat(short_status(facts, live),
             facts.finished_ns != 0 ? cat(" ", age(now - facts.finished_ns), " ago") : "");
}

struct Row {
  Facts facts;
  Live live;
  std::uint64_t size = 0;  // 0 unless it was asked for
};

void sort_rows(std::vector<Row>& rows, std::string_view by) {
  const auto key = [&](const Row& row) -> std::string {
    if (by == "id") return row.facts.id;
    if (by == "image") return row.facts.image;
    if (by == "names" || by == "name") return row.facts.name;
    return std::string(name(row.live.status));
  };
  if (by.empty() || by == "created") return;
  if (by == "size") {
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.size < b.size; });
    return;
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return key(a) < key(b); });
}

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  return cat(text.substr(0, most - 3), "...");
}

// docker: the names of volumes and the host's folders, each cut to 15 characters.
std::string mounts_text(const Facts& facts, bool whole) {
  constexpr std::size_t most = 15;
  std::string out;
  for (const auto& mount : facts.given.mounts) {
    std::string text = mount.name.empty() ? mount.source : mount.name;
    if (text.empty()) continue;  // a tmpfs
    if (!whole && text.size() > most) text = cat(text.substr(0, most - 1), "…");
    out += cat(out.empty() ? "" : ",", text);
  }
  return out;
}

}  // namespace

std::string container_row(const Facts& f, const Live& live, std::uint64_t size, bool no_trunc) {
  const std::int64_t now = now_ns();
  std::string command = printable(join(f.command, " "), 4096);
  if (!no_trunc) command = cut(command, 20);
  std::string labels;
  for (const auto& [key, value] : f.labels) labels += cat(labels.empty() ? "" : ",", key, "=", value);
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("Command", cat("\"", command, "\""));
    w.member("CreatedAt", spec::local_time(f.created_ns));
    w.member("ID", no_trunc ? f.id : short_id(f.id));
    w.member("Image", f.image);
    w.member("ImageID", f.image_id);
    w.member("Labels", labels);
    w.member("Label", f.labels);
    w.member("LocalVolumes", cat(std::count_if(f.given.mounts.begin(), f.given.mounts.end(),
                                               [](const auto& m) { return m.type == "volume"; })));
    w.member("Mounts", mounts_text(f, no_trunc));
    w.member("Names", f.name);
    w.member("Networks", f.network);
    w.member("Pid", live.pid);
    w.member("Ports", "");
    w.member("RunningFor", cat(age(now - f.created_ns), " ago"));
    w.member("Size", format_size(size));
    w.member("State", name(live.status));
    w.member("Status", docker_status(f, live, now));
  });
  return w.text();
}

std::vector<const grammar::Row*> ps_rows() {
  return grammar::rows_of(table(ps_table));
}

int ps(const Room& room, Args args) {
  PsOptions options;
  const auto rest = grammar::parse("ps", table(ps_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("ps", rest);
  const Filters filters(options.filters, "ps", room.registry);
  std::vector<Row> rows;
  for (auto& facts : room.registry.list([](const Error& error) { log::warn(error.what()); })) {
    if (options.last >= 0 && std::cmp_equal(rows.size(), options.last)) break;
    Row row{std::move(facts), {}, 0};
    row.live = settle(room.registry, row.facts);
    keep_checked(room, row.facts, row.live);
    // Asking for a status or an exit code is asking for those that do not run.
    const bool all = options.all || options.last >= 0 || filters.has("status") || filters.has("exited");
    // docker: one between two lives is among those that run.
    const bool runs = row.live.pid != 0 || row.live.status == Status::restarting;
    if ((!runs && !all) || !filters.match(row.facts, row.live)) continue;
    if (options.size || options.sort == "size")
      row.size = tree_size(cat(room.registry.directory(row.facts.id), "/overlay/upper"));
    rows.push_back(std::move(row));
  }
  sort_rows(rows, options.sort);
  if (options.quiet) {
    std::string ids;
    for (const auto& row : rows) ids += cat(options.no_trunc ? row.facts.id : short_id(row.facts.id), "\n");
    print(ids);
    return 0;
  }
  if (!options.format.empty()) {
    std::vector<std::string> json;
    for (const auto& row : rows)
      json.push_back(container_row(row.facts, row.live, row.size, options.no_trunc));
    std::vector<Column> columns(std::begin(docker_columns), std::end(docker_columns));
    if (options.size) columns.push_back({"SIZE", "Size"});
    print(render_rows(options.format, json, columns, {std::begin(more_headings), std::end(more_headings)}));
    return 0;
  }
  std::vector<std::vector<std::string>> cells{
      {"CONTAINER ID", "NAME", "IMAGE", "PID", "STATUS", "COMMAND", "CREATED"}};
  if (options.size) cells[0].push_back("SIZE");
  for (const auto& row : rows) {
    const Facts& f = row.facts;
    const std::string command = printable(join(f.command, " "), 4096);
    std::string status = short_status(f, row.live);
    if (row.live.pid != 0 && !f.health.empty()) status += cat(" (", f.health, ")");
    cells.push_back({options.no_trunc ? f.id : short_id(f.id), f.name, f.image,
                     row.live.pid != 0 ? cat(row.live.pid) : "-", status,
                     options.no_trunc ? command : cut(command, 30), spec::local_time(f.created_ns)});
    if (options.size) cells.back().push_back(format_size(row.size));
  }
  print(table_text(cells));
  return 0;
}

}  // namespace rocker::verbs
