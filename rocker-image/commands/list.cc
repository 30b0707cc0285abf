#include <fnmatch.h>
#include <time.h>

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

// docker's: dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE.
void filter(std::vector<Image>& images, const std::string& text, const Store& store) {
  const auto equals = text.find('=');
  const std::string key = text.substr(0, equals),
                    value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (value.empty()) throw Error(cat("--filter: \"", printable(text), "\" is not KEY=VALUE"));
  if (key == "reference") {
    std::erase_if(images, [&](const Image& image) { return !matches(image, value); });
  } else if (key == "dangling") {
    // Every image of the store has a name.
    if (grammar::parse_flag(value, "--filter dangling")) images.clear();
  } else if (key == "label") {
    std::erase_if(images, [&](const Image& image) { return !has_label(image.record.config.labels, value); });
  } else if (key == "before" || key == "since") {
    const auto limit = store.find(value).record.created_ns;
    std::erase_if(images, [&](const Image& image) {
      return key == "before" ? image.record.created_ns >= limit : image.record.created_ns <= limit;
    });
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
  auto images = store.list([](const Error& error) { log::warn(error.what()); });
  for (const auto& text : filters) filter(images, text, store);
  if (!wanted.empty()) std::erase_if(images, [&](const Image& image) { return !matches(image, wanted); });
  const auto id_of = [&](const Image& image) {
    return no_trunc ? image.record.id : spec::short_id(image.record.id);
  };
  if (quiet) {
    std::string out;
    for (const auto& image : images) out += cat(id_of(image), "\n");
    print(out);
    return 0;
  }
  if (!format.empty()) {
    std::vector<std::string> rows;
    for (const auto& image : images) rows.push_back(as_json(image, id_of(image)));
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
  if (images.empty() && filters.empty() && wanted.empty()) {
    print("No images found. Use 'rocker import <tar-file> <image-name>' to import an image.\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "IMAGE ID", "SIZE", "CREATED"}};
  if (digests) rows[0].insert(rows[0].begin() + 2, "DIGEST");
  for (const auto& image : images) {
    rows.push_back({image.reference.name, image.reference.tag, id_of(image), format_size(image.record.size),
                    image.record.created_time});
    if (digests) rows.back().insert(rows.back().begin() + 2, digest_of(image));
  }
  print(table_text(rows));
  return 0;
}

}  // namespace rocker::commands
