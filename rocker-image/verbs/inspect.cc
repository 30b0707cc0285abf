// inspect and port: all that is known of a container, an image or a volume, in docker's members, so that
// recipes of jq go on working.
#include <algorithm>

#include "rocker-image/template/template.hh"
#include "rocker-image/verbs/documents.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/image.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

struct InspectOptions {
  std::string format, type;
  bool size = false;
};

constexpr grammar::Option<InspectOptions> inspect_table[] = {
    {{"format", 'f', "FORMAT", "json, or a template like {{.State.Pid}}"},
     [](InspectOptions& o, std::string_view v) { o.format = v; }},
    {{"size", 's', "", "what a container has written"},
     [](InspectOptions& o, std::string_view v) { o.size = on(v); }},
    {{"type", 0, "TYPE", "container, image or volume"},
     [](InspectOptions& o, std::string_view v) {
       if (v != "container" && v != "image" && v != "volume" && !v.empty())
         throw Error(
             cat("inspect: --type: expected container, image or volume, found \"", printable(v), "\""));
       o.type = v;
     }},
};

using templates::Nothing;

// docker leaves the first ones out when there is nothing to say, and its templates know them all the same.
// The others are null then.
constexpr Template::Known known_members[] = {
    {"Annotations", Nothing::map},
    {"ExposedPorts", Nothing::map},
    {"Health", Nothing::pointer},
    {"Healthcheck", Nothing::pointer},
    {"OnBuild", Nothing::list},
    {"Shell", Nothing::list},
    {"SizeRootFs", Nothing::pointer},
    {"SizeRw", Nothing::pointer},
    {"StopTimeout", Nothing::pointer},
    {"Aliases", Nothing::list, false},
    {"Binds", Nothing::list, false},
    {"CapAdd", Nothing::list, false},
    {"CapDrop", Nothing::list, false},
    {"Cmd", Nothing::list, false},
    {"DriverOpts", Nothing::map, false},
    {"Entrypoint", Nothing::list, false},
    {"ExecIDs", Nothing::list, false},
    {"ExtraHosts", Nothing::list, false},
    {"GroupAdd", Nothing::list, false},
    {"IPAMConfig", Nothing::pointer, false},
    {"Links", Nothing::list, false},
    {"MaskedPaths", Nothing::list, false},
    {"MemorySwappiness", Nothing::pointer, false},
    {"ReadonlyPaths", Nothing::list, false},
    {"SecurityOpt", Nothing::list, false},
    {"Volumes", Nothing::map, false},
    {"VolumesFrom", Nothing::list, false},
};

std::string image_json(const Room& room, const std::string& text) {
  const Image image = room.store.find(text);
  const auto& r = image.record;
  json::Writer w;
  w.object([&] {
    // docker's members, and then those of image.json.
    w.member("Id", r.id);
    w.member("RepoTags", std::vector<std::string>{image.reference.text()});
    w.member("Created", spec::utc_time(r.created_ns));
    w.member("Architecture", r.architecture);
    w.member("Os", r.os);
    w.member("Size", r.size);
    w.array("RepoDigests", [] {});
    w.member("Parent", "");
    w.object("RootFS", [&] {
      w.member("Type", "layers");
      w.member("Layers", r.source.diff_ids);
    });
    w.object("Config", [&] {
      w.member("User", r.config.user);
      write_names(w, "ExposedPorts", r.config.exposed_ports);
      write_names(w, "Volumes", r.config.volumes);
      w.member("Env", r.config.env);
      w.member("Cmd", r.config.cmd);
      w.member("Entrypoint", r.config.entrypoint);
      w.member("WorkingDir", r.config.working_dir);
      w.member("Labels", r.config.labels);
      w.member("StopSignal", r.config.stop_signal);
    });
    const auto document = json::Document::parse(spec::write_image_record(r), "image.json");
    document.root().each_member([&](const std::string& key, const json::Value& value) {
      w.key(key);
      w.raw(value.text());
    });
  });
  return w.text();
}

}  // namespace

std::vector<const grammar::Row*> inspect_rows() {
  return grammar::rows_of(table(inspect_table));
}

int inspect(const Room& room, Args args) {
  InspectOptions options;
  const auto names =
      grammar::parse("inspect", table(inspect_table), options, args, grammar::Positionals::mixed);
  std::optional<Template> format;
  if (!options.format.empty() && options.format != "json")
    format.emplace(options.format, std::vector(std::begin(known_members), std::end(known_members)));
  std::vector<std::string> found;
  const int status = for_each_name("inspect", names, [&](const std::string& text) {
    // A name may be a container's, an image's or a volume's; docker looks in this order.
    const auto wanted = [&](std::string_view type) { return options.type.empty() || options.type == type; };
    // Whether it is none of that type, so that the next one is asked.
    const auto is_none = [&](const Error& error, std::string_view message) {
      return options.type.empty() && std::string_view(error.what()).starts_with(message);
    };
    if (wanted("container")) {
      try {
        found.push_back(container_json(room, find(room, text), options.size));
        return;
      } catch (const Error& error) {
        if (!is_none(error, "No such container")) throw;
      }
    }
    if (wanted("image")) {
      try {
        found.push_back(image_json(room, text));
        return;
      } catch (const Error& error) {
        // A volume may have a name that no image can have.
        if (!is_none(error, "Image not found") && (!options.type.empty() || !volume_exists(room, text)))
          throw;
      }
    }
    if (wanted("volume")) {
      if (options.type == "volume" || volume_exists(room, text)) {
        found.push_back(volume_json(room, text));
        return;
      }
    }
    throw Error(cat("No such object: ", printable(text)))
        .hint("neither a container nor an image nor a volume is called so");
  });
  if (!format) {
    json::Writer w;
    w.array([&] {
      for (const auto& text : found) w.raw(trim(text));
    });
    print(w.text());
    return status;
  }
  for (const auto& text : found) {
    const auto document = json::Document::parse(text, "inspect");
    print(cat(format->render(document.root()), "\n"));
  }
  return status;
}

int port(const Room& room, Args args) {
  if (args.empty()) throw Error("port: which container?");
  refuse_surplus("port", args, 2);
  const Facts facts = find(room, args[0]);
  // rocker publishes no port: with --network host a container's ports are the host's own.
  if (args.size() > 1)
    throw Error(cat("No public port '", printable(args[1]), "' published for ", facts.name));
  return 0;
}

}  // namespace rocker::verbs
