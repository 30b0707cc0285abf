// volume create, ls, inspect, rm, prune.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "rocker-image/bundle/values.hh"
#include "rocker-image/bundle/volumes.hh"
#include "rocker-image/containers/volumes.hh"
#include "rocker-image/labels.hh"
#include "rocker-image/template/rows.hh"
#include "rocker-image/template/template.hh"
#include "rocker-image/verbs/confirm.hh"
#include "rocker-image/verbs/documents.hh"
#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/config.hh"
#include "spec/image.hh"
#include "spec/support/file.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

namespace {

struct ListOptions {
  bool quiet = false;
  std::string format;
  std::vector<std::string> filters;
};

constexpr grammar::Option<ListOptions> ls_table[] = {
    {{"filter", 'f', "KEY=VALUE", "only those: name=, label=, driver=, dangling=true"},
     [](ListOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"format", 0, "FORMAT", "table, json, or a template like {{.Name}}"},
     [](ListOptions& o, std::string_view v) { o.format = v; }},
    {{"quiet", 'q', "", "names only"}, [](ListOptions& o, std::string_view v) { o.quiet = on(v); }},
};

struct CreateOptions {
  spec::StringMap labels;
};

constexpr grammar::Option<CreateOptions> create_table[] = {
    {{"driver", 'd', "local", "local is the only one"},
     [](CreateOptions&, std::string_view v) {
       if (v != "local")
         throw Error(cat("volume create: --driver: expected local, found \"", printable(v), "\""));
     }},
    {{"label", 0, "KEY=VALUE", "a label"},
     [](CreateOptions& o, std::string_view v) { o.labels.insert(bundle::parse_pair(v, "--label")); }},
    {{"opt",
      'o',
      "KEY=VALUE",
      "a volume is a folder of the store; mount what it is to be, and use that",
      {},
      true},
     nullptr},
};

struct RmOptions {
  bool force = false;
};

constexpr grammar::Option<RmOptions> rm_table[] = {
    {{"force", 'f', "", "no error when there is none"},
     [](RmOptions& o, std::string_view v) { o.force = on(v); }},
};

struct InspectOptions {
  std::string format;
};

constexpr grammar::Option<InspectOptions> inspect_table[] = {
    {{"format", 'f', "FORMAT", "a template like {{.Mountpoint}}"},
     [](InspectOptions& o, std::string_view v) { o.format = v; }},
};

std::string folder(const Room& room, std::string_view name) {
  return cat(room.registry.root(), "/volumes/", name);
}

std::vector<std::string> all_volumes(const Room& room) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder(room, "").c_str()), ::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (!name.starts_with('.') && ::access(cat(folder(room, name), "/_data").c_str(), F_OK) == 0)
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string check(const Room& room, const std::string& name) {
  bundle::check_volume_name(name, "volume");
  if (::access(cat(folder(room, name), "/_data").c_str(), F_OK) != 0)
    throw Error(cat("No such volume: ", name));
  return folder(room, name);
}

spec::StringMap labels_of(const Room& room, const std::string& name) {
  const std::string path = cat(folder(room, name), "/labels.json");
  spec::StringMap labels;
  const auto text = read_file_if_exists(AT_FDCWD, path, 1 << 20);
  if (!text) return labels;
  const auto document = json::Document::parse(*text, path);
  document.root().each_member(
      [&](const std::string& key, const json::Value& value) { labels[key] = value.as_string(); });
  return labels;
}

bool matches(const Room& room, const std::string& name, const std::vector<std::string>& filters) {
  for (const auto& text : filters) {
    const auto [key, value] = bundle::parse_pair(text, "volume ls: --filter");
    bool good = true;
    if (key == "name") {
      good = name.find(value) != std::string::npos;
    } else if (key == "driver") {
      good = value == "local";
    } else if (key == "dangling") {
      good = containers::volume_users(room.registry, name).empty() ==
             grammar::parse_flag(value, "--filter dangling");
    } else if (key == "label") {
      good = has_label(labels_of(room, name), value);
    } else {
      throw Error(cat("volume ls: --filter: there is no filter \"", printable(key), "\""))
          .hint("there is name, label, driver, dangling");
    }
    if (!good) return false;
  }
  return true;
}

// A row of ls, where docker has the labels as text.
std::string volume_row(const Room& room, const std::string& name) {
  const auto labels = labels_of(room, name);
  std::string text;
  for (const auto& [key, value] : labels) text += cat(text.empty() ? "" : ",", key, "=", value);
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("Driver", "local");
    w.member("Labels", text);
    w.member("Label", labels);
    w.member("Links", "N/A");
    w.member("Mountpoint", cat(folder(room, name), "/_data"));
    w.member("Name", name);
    w.member("Scope", "local");
    w.member("Size", "N/A");
  });
  return w.text();
}

struct VolumePruneOptions {
  bool force = false;
  std::vector<std::string> filters;
};

constexpr grammar::Option<VolumePruneOptions> volume_prune_table[] = {
    {{"all", 'a', "", "named ones too; always so"}, [](VolumePruneOptions&, std::string_view) {}},
    {{"filter", 0, "KEY=VALUE", "only those: label=, label!="},
     [](VolumePruneOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"force", 'f', "", "do not ask"}, [](VolumePruneOptions& o, std::string_view v) { o.force = on(v); }},
};

}  // namespace

bool volume_exists(const Room& room, const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos &&
         ::access(cat(folder(room, name), "/_data").c_str(), F_OK) == 0;
}

std::string volume_json(const Room& room, const std::string& name) {
  const std::string dir = check(room, name);
  struct stat st {};
  ::stat(dir.c_str(), &st);
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("CreatedAt", spec::utc_time(static_cast<std::int64_t>(st.st_ctime) * 1'000'000'000));
    w.member("Driver", "local");
    w.member("Labels", labels_of(room, name));
    w.member("Mountpoint", cat(dir, "/_data"));
    w.member("Name", name);
    w.object("Options", [] {});
    w.member("Scope", "local");
  });
  return w.text();
}

Rows volume_ls_rows() {
  return grammar::rows_of(table(ls_table));
}
Rows volume_rm_rows() {
  return grammar::rows_of(table(rm_table));
}
Rows volume_create_rows() {
  return grammar::rows_of(table(create_table));
}
Rows volume_inspect_rows() {
  return grammar::rows_of(table(inspect_table));
}

int volume_ls(const Room& room, Args args) {
  ListOptions options;
  refuse_surplus("volume ls",
                 grammar::parse("volume ls", table(ls_table), options, args, grammar::Positionals::mixed));
  // An unknown key is an error also where there is nothing to compare it with.
  matches(room, {}, options.filters);
  std::vector<std::string> rows;
  std::string names;
  for (const auto& name : all_volumes(room)) {
    if (!matches(room, name, options.filters)) continue;
    names += cat(name, "\n");
    rows.push_back(volume_row(room, name));
  }
  print(options.quiet ? names
                      : render_rows(options.format.empty() ? "table" : options.format, rows,
                                    {{"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}}));
  return 0;
}

int volume_create(const Room& room, Args args) {
  CreateOptions options;
  const auto names =
      grammar::parse("volume create", table(create_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("volume create", names, 1);
  Facts facts;
  bundle::VolumeRequest request;
  request.kind = bundle::VolumeRequest::Kind::volume;
  if (!names.empty()) {
    bundle::check_volume_name(names[0], "volume create");
    request.source = names[0];
  }
  const FileLock lock = containers::lock_volumes(room.registry.root());
  containers::volume_source(room.registry.root(), request, facts);
  const std::string name = names.empty() ? facts.anonymous_volumes.at(0) : names[0];
  if (!options.labels.empty()) {
    json::Writer w(json::Writer::Style::compact);
    w.value(options.labels);
    replace_file(AT_FDCWD, cat(folder(room, name), "/labels.json"), w.text(), 0600);
  }
  print(cat(name, "\n"));
  return 0;
}

static void check_any(std::string_view verb, const std::vector<std::string>& names) {
  if (names.empty()) throw Error(cat(verb, ": which volume?")).hint("'rocker volume ls' lists all volumes");
}

int volume_inspect(const Room& room, Args args) {
  InspectOptions options;
  const auto names =
      grammar::parse("volume inspect", table(inspect_table), options, args, grammar::Positionals::mixed);
  check_any("volume inspect", names);
  std::vector<std::string> found;
  const int status = for_each_name(
      "volume inspect", names, [&](const std::string& name) { found.push_back(volume_json(room, name)); });
  if (options.format.empty()) {
    json::Writer w;
    w.array([&] {
      for (const auto& text : found) w.raw(text);
    });
    print(w.text());
  } else {
    const Template format(options.format);
    for (const auto& text : found) {
      const auto document = json::Document::parse(text, "volume");
      print(cat(format.render(document.root()), "\n"));
    }
  }
  return status;
}

int volume_rm(const Room& room, Args args) {
  RmOptions options;
  const auto names = grammar::parse("volume rm", table(rm_table), options, args, grammar::Positionals::mixed);
  check_any("volume rm", names);
  return for_each_name("volume rm", names, [&](const std::string& name) {
    bundle::check_volume_name(name, "volume rm");
    if (options.force && ::access(folder(room, name).c_str(), F_OK) != 0) return;
    check(room, name);
    const auto users = containers::remove_volume(room.registry, name);
    if (!users.empty())
      throw Error(cat("volume ", name, " is used by ", join(users, ", "))).hint("remove the container first");
    print(cat(name, "\n"));
  });
}

std::vector<VolumeUse> volume_use(const Room& room) {
  std::vector<VolumeUse> all;
  for (const auto& name : all_volumes(room))
    all.push_back({name, containers::volume_users(room.registry, name).size(),
                   tree_size(cat(folder(room, name), "/_data"))});
  return all;
}

Rows volume_prune_rows() {
  return grammar::rows_of(table(volume_prune_table));
}

int volume_prune(const Room& room, Args args) {
  VolumePruneOptions options;
  const auto rest =
      grammar::parse("volume prune", table(volume_prune_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("volume prune", rest);
  const PruneFilter filter(options.filters, "volume prune", false);
  if (!confirmed(options.force, "all volumes without a container, those with a name, too")) return 0;
  const std::uint64_t bytes = prune_volumes(room, filter);
  print(cat("Total reclaimed space: ", format_size(bytes), "\n"));
  return 0;
}

std::uint64_t prune_volumes(const Room& room, const PruneFilter& filter) {
  std::string removed;
  std::uint64_t bytes = 0;
  for (const auto& name : all_volumes(room)) {
    if (!filter.match(labels_of(room, name)) || !containers::volume_users(room.registry, name).empty())
      continue;
    const std::uint64_t size = tree_size(cat(folder(room, name), "/_data"));
    if (!containers::remove_volume(room.registry, name).empty()) continue;
    bytes += size;
    removed += cat(name, "\n");
  }
  if (!removed.empty()) print(cat("Deleted Volumes:\n", removed, "\n"));
  return bytes;
}

}  // namespace rocker::verbs
