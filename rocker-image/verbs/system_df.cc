// system df: what images, containers and volumes take up, in sum or each.
#include <algorithm>
#include <set>

#include "rocker-image/template/rows.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/image.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

namespace {

struct DfOptions {
  std::string format;
  bool verbose = false;
};

constexpr grammar::Option<DfOptions> df_table[] = {
    {{"format", 'f', "FORMAT", "table, json, or a template like {{.Size}}"},
     [](DfOptions& o, std::string_view v) { o.format = v; }},
    {{"verbose", 'v', "", "each image, container and volume"},
     [](DfOptions& o, std::string_view v) { o.verbose = on(v); }},
};

// One of the three kinds: its sum, and a row each.
struct Usage {
  std::size_t total = 0, active = 0;
  std::uint64_t bytes = 0, reclaimable = 0;
  std::vector<std::string> rows;  // JSON objects

  void add(bool used, std::uint64_t size, std::string row) {
    ++total;
    active += used ? 1 : 0;
    bytes += size;
    reclaimable += used ? 0 : size;
    rows.push_back(std::move(row));
  }

  std::string sum(std::string_view type) const {
    json::Writer w(json::Writer::Style::compact);
    w.object([&] {
      w.member("Active", cat(active));
      w.member("Reclaimable",
               cat(format_size(reclaimable), bytes != 0 ? cat(" (", reclaimable * 100 / bytes, "%)") : ""));
      w.member("Size", format_size(bytes));
      w.member("TotalCount", cat(total));
      w.member("Type", type);
    });
    return w.text();
  }
};

std::string image_row(const Image& image, std::size_t containers) {
  const auto& r = image.record;
  // All that it has in common with others, or nothing.
  const bool shared = tree_of(image).has_value();
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("Containers", cat(containers));
    w.member("CreatedAt", r.created_time);
    w.member("CreatedSince", cat(age(containers::now_ns() - r.created_ns), " ago"));
    w.member("ID", spec::short_id(r.id));
    w.member("Repository", image.reference.name);
    w.member("SharedSize", shared ? format_size(bytes_of(r)) : "0B");
    w.member("Size", format_size(bytes_of(r)));
    w.member("Tag", image.reference.tag);
    w.member("UniqueSize", shared ? "0B" : format_size(bytes_of(r)));
  });
  return w.text();
}

std::string volume_row(const VolumeUse& volume) {
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    w.member("Driver", "local");
    w.member("Links", cat(volume.links));
    w.member("Name", volume.name);
    w.member("Size", format_size(volume.bytes));
  });
  return w.text();
}

struct All {
  Usage images, containers, volumes;
};

All usage_of(const Room& room) {
  const auto warn = [](const Error& error) { log::warn(error.what()); };
  const auto containers = room.registry.list(warn);
  const auto of_containers = images_of_containers(room);
  All all;
  std::set<std::uint64_t> trees;
  for (const auto& image : room.store.list(warn)) {
    const auto tree = tree_of(image);
    const bool counted = tree && !trees.insert(*tree).second;
    const auto count = std::count_if(containers.begin(), containers.end(), [&](const Facts& facts) {
      return facts.image == image.reference.text();
    });
    all.images.add(is_used(room, image, of_containers), counted ? 0 : bytes_of(image.record),
                   image_row(image, static_cast<std::size_t>(count)));
  }
  for (const auto& facts : containers) {
    const std::uint64_t bytes = tree_size(cat(room.registry.directory(facts.id), "/overlay/upper"));
    const auto live = look(room.registry, facts);
    all.containers.add(live.pid != 0, bytes, container_row(facts, live, bytes, false));
  }
  for (const auto& volume : volume_use(room))
    all.volumes.add(volume.links != 0, volume.bytes, volume_row(volume));
  return all;
}

// docker: three tables, or one object with three lists.
std::string verbose_text(const All& all, const std::string& format) {
  if (format.empty() || format == "table") {
    return cat("Images space usage:\n\n",
               render_rows("table", all.images.rows,
                           {{"REPOSITORY", "Repository"},
                            {"TAG", "Tag"},
                            {"IMAGE ID", "ID"},
                            {"CREATED", "CreatedSince"},
                            {"SIZE", "Size"},
                            {"SHARED SIZE", "SharedSize"},
                            {"UNIQUE SIZE", "UniqueSize"},
                            {"CONTAINERS", "Containers"}}),
               "\nContainers space usage:\n\n",
               render_rows("table", all.containers.rows,
                           {{"CONTAINER ID", "ID"},
                            {"IMAGE", "Image"},
                            {"COMMAND", "Command"},
                            {"LOCAL VOLUMES", "LocalVolumes"},
                            {"SIZE", "Size"},
                            {"CREATED", "RunningFor"},
                            {"STATUS", "Status"},
                            {"NAMES", "Names"}}),
               "\nLocal Volumes space usage:\n\n",
               render_rows("table", all.volumes.rows,
                           {{"VOLUME NAME", "Name"}, {"LINKS", "Links"}, {"SIZE", "Size"}}));
  }
  json::Writer w(json::Writer::Style::compact);
  w.object([&] {
    const auto list = [&](std::string_view name, const Usage& usage) {
      w.array(name, [&] {
        for (const auto& row : usage.rows) w.raw(row);
      });
    };
    list("Images", all.images);
    list("Containers", all.containers);
    list("Volumes", all.volumes);
    w.array("BuildCache", [] {});
  });
  return render_rows(format, {w.text()}, {});
}

}  // namespace

Rows system_df_rows() {
  return grammar::rows_of(table(df_table));
}

int system_df(const Room& room, Args args) {
  DfOptions options;
  const auto rest = grammar::parse("system df", table(df_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("system df", rest);
  const All all = usage_of(room);
  if (options.verbose) {
    print(verbose_text(all, options.format));
    return 0;
  }
  print(render_rows(
      options.format.empty() ? "table" : options.format,
      {all.images.sum("Images"), all.containers.sum("Containers"), all.volumes.sum("Local Volumes")},
      {{"TYPE", "Type"},
       {"TOTAL", "TotalCount"},
       {"ACTIVE", "Active"},
       {"SIZE", "Size"},
       {"RECLAIMABLE", "Reclaimable"}}));
  return 0;
}

}  // namespace rocker::verbs
