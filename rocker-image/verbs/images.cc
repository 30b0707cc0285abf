// image inspect, prune and tree: docker's and podman's verbs of images that rocker-image's own commands don't
// have.
#include "rocker-image/containers/events.hh"
#include "rocker-image/verbs/confirm.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

namespace {

struct PruneOptions {
  bool all = false, force = false;
  std::vector<std::string> filters;
};

constexpr grammar::Option<PruneOptions> prune_table[] = {
    {{"all", 'a', "", "every image that no container uses"},
     [](PruneOptions& o, std::string_view v) { o.all = on(v); }},
    {{"filter", 0, "KEY=VALUE", "only those: label=, label!=, until="},
     [](PruneOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"force", 'f', "", "do not ask"}, [](PruneOptions& o, std::string_view v) { o.force = on(v); }},
};

}  // namespace

std::uint64_t bytes_of(const spec::ImageRecord& record) {
  return record.disk_usage != 0 ? record.disk_usage : record.size;
}

std::set<std::string> images_of_containers(const Room& room) {
  std::set<std::string> names;
  for (const auto& facts : room.registry.list([](const Error&) {})) names.insert(facts.image);
  return names;
}

bool is_used(const Room& room, const Image& image, const std::set<std::string>& of_containers) {
  return !room.store.users(image.generation()).empty() || of_containers.contains(image.reference.text());
}

Rows image_prune_rows() {
  return grammar::rows_of(table(prune_table));
}

PrunedImages prune_images(const Room& room, bool all, const PruneFilter& filter) {
  PrunedImages out;
  // What killed imports and removals have left has no name, no label and no age.
  if (filter.is_empty()) out.names = room.store.prune();
  if (!all) return out;
  const auto used = images_of_containers(room);
  for (const auto& image : room.store.list([](const Error& error) { log::warn(error.what()); })) {
    const auto& record = image.record;
    if (is_used(room, image, used) || !filter.match(record.config.labels, record.created_ns)) continue;
    room.store.remove(image.reference);
    for (const auto action : {"untag", "delete"})
      containers::note_image_event(room.registry.root(), action, image.reference);
    out.names.push_back(image.reference.text());
    out.bytes += bytes_of(image.record);
  }
  return out;
}

int image_prune(const Room& room, Args args) {
  PruneOptions options;
  const auto rest =
      grammar::parse("image prune", table(prune_table), options, args, grammar::Positionals::mixed);
  refuse_surplus("image prune", rest);
  const PruneFilter filter(options.filters, "image prune");
  if (!confirmed(options.force, options.all ? "all images without a container"
                                            : "what killed imports and removals have left"))
    return 0;
  const auto pruned = prune_images(room, options.all, filter);
  std::string out;
  for (const auto& name : pruned.names) out += cat(name, "\n");
  if (!out.empty()) out = cat("Deleted Images:\n", out, "\n");
  print(cat(out, "Total reclaimed space: ", format_size(pruned.bytes), "\n"));
  return 0;
}

// docker's: inspect, of images alone.
int image_inspect(const Room& room, Args args) {
  if (args.empty()) throw Error("image inspect: which image?").hint("'rocker images' lists all images");
  std::vector<std::string> words{"--type", "image"};
  words.insert(words.end(), args.begin(), args.end());
  return inspect(room, words);
}

// podman's: what an image was made of, and which other names stand for the same.
int image_tree(const Room& room, Args args) {
  std::vector<std::string> names(args.begin(), args.end());
  if (names.size() != 1 || names[0].starts_with('-'))
    throw Error("image tree: expected one image").hint("rocker image tree NAME[:TAG]");
  const auto image = room.store.find(names[0]);
  const auto& layers = image.record.source.diff_ids;
  std::string tags;
  for (const auto& other : room.store.list([](const Error&) {})) {
    if (other.reference == image.reference || (!layers.empty() && other.record.source.diff_ids == layers))
      tags += cat(tags.empty() ? "" : " ", other.reference.text());
  }
  std::string out = cat("Image ID: ", image.record.id, "\nTags:     [", tags,
                        "]\nSize:     ", format_size(image.record.size), "\nImage Layers\n");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool last = i + 1 == layers.size();
    out +=
        cat(last ? "└── " : "├── ", "ID: ", layers[i], last ? cat(" Top Layer of: [", tags, "]") : "", "\n");
  }
  if (layers.empty()) out += "└── of a folder or of a container: no layer of an archive\n";
  print(out);
  return 0;
}

}  // namespace rocker::verbs
