#include "rocker-image/layout.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "rocker-image/extract.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"
#include "spec/support/utf8.hh"

namespace rocker {

namespace {

// image-spec: "4 MiB" is what registries take for a manifest; configurations can be longer.
constexpr std::size_t most_json = std::size_t{16} << 20;
constexpr int deepest_index = 8;

bool is_hex64(std::string_view text) {
  Sha256::Digest ignored;
  return Sha256::parse_hex(text, ignored);
}

std::string read_range(const LayoutFiles::File& file, const std::string& path) {
  if (file.range.size > most_json) {
    throw Error(cat(printable(path), ": has ", file.range.size, " bytes, at most ", most_json, " are read"));
  }
  std::string text(file.range.size, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::pread(file.fd.get(), text.data() + used, text.size() - used,
                                static_cast<off_t>(file.range.start + used));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(cat("read ", printable(path)));
    if (got == 0) throw Error(cat(printable(path), ": is cut short"));
    used += static_cast<std::size_t>(got);
  }
  return text;
}

Sha256::Digest digest_of(std::string_view text) {
  Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.finish();
}

// A descriptor's digest as the path of its blob (image-spec image-layout.md, "Blobs").
std::string blob_path(const json::Value& descriptor, Sha256::Digest& digest) {
  const std::string text = descriptor.at("digest").as_string();
  if (!Sha256::parse(text, digest)) {
    throw descriptor.at("digest").error(
        cat("expected sha256: and 64 digits, found ", printable(json::quote(text))));
  }
  return cat("blobs/sha256/", Sha256::hex(digest));
}

std::string read_blob(const LayoutFiles& files, const json::Value& descriptor) {
  Sha256::Digest digest;
  const std::string path = blob_path(descriptor, digest);
  auto text = files.read(path);
  if (!text) throw descriptor.error(cat("its blob ", path, " is not in the archive"));
  if (digest_of(*text) != digest) throw Error(cat(path, ": its content has another digest, it is damaged"));
  return std::move(*text);
}

Platform platform_of(const json::Value& v) {
  Platform platform;
  v.member("os", platform.os);
  v.member("architecture", platform.architecture);
  v.member("variant", platform.variant);
  return platform;
}

// The configuration of an image (image-spec config.md): what its layers must be, and how it wants to be run.
void read_config(const std::string& text, const std::string& path, LayoutImage& image, std::size_t layers) {
  // As docker reads it; its digest was that of the bytes.
  const auto document = json::Document::parse(valid_utf8(text), printable(path));
  const auto root = document.root();
  image.platform = platform_of(root);
  if (const auto config = root.find("config")) spec::read(*config, image.config);
  root.member("history", image.history);
  const auto diff_ids = root.at("rootfs").at("diff_ids");
  if (diff_ids.size() != layers) {
    throw diff_ids.error(cat("has ", diff_ids.size(), " entries, but the image has ", layers, " layers"));
  }
  std::size_t at = 0;
  diff_ids.each_element([&](const json::Value& id) {
    if (!Sha256::parse(id.as_string(), image.layers[at++].diff_id)) {
      throw id.error(cat("expected sha256: and 64 digits, found ", id.shown()));
    }
  });
}

class OciReader {
 public:
  OciReader(const LayoutFiles& files, const Platform& wanted, bool given)
      : files_(files), wanted_(wanted), given_(given) {}

  std::vector<LayoutImage> read() {
    auto text = files_.read("index.json");
    if (!text) throw Error("index.json is missing");
    const auto document = json::Document::parse(std::move(*text), "index.json");
    // Entries of one name are one image for several platforms.
    struct Group {
      Label label;
      std::vector<json::Value> descriptors;
    };
    std::vector<Group> groups;
    document.root().at("manifests").each_element([&](const json::Value& descriptor) {
      const Label label = label_of(descriptor);
      const auto same =
          std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.label == label; });
      auto& group = same != groups.end() ? *same : groups.emplace_back(Group{label, {}});
      group.descriptors.push_back(descriptor);
    });
    if (groups.empty()) throw Error("index.json: has no images");
    std::vector<LayoutImage> images;
    std::vector<std::string> others;
    for (const auto& group : groups) {
      for (auto& image : choose(group.descriptors, !group.label.is_empty(), others)) {
        if (!group.label.name.empty()) image.names = {group.label.name};
        if (!group.label.tag.empty()) image.tags = {group.label.tag};
        // Two names of one image.
        const auto same = std::find_if(images.begin(), images.end(), [&](const LayoutImage& other) {
          return other.digest == image.digest;
        });
        if (same == images.end()) {
          images.push_back(std::move(image));
        } else {
          same->names.insert(same->names.end(), image.names.begin(), image.names.end());
          same->tags.insert(same->tags.end(), image.tags.begin(), image.tags.end());
        }
      }
    }
    if (images.empty()) {
      throw Error(cat("has no image for ", wanted_.text(), ", only for ",
                      others.empty() ? std::string("none at all") : join(others, ", ")))
          .hint("choose one with --platform");
    }
    return images;
  }

 private:
  // A whole reference where there is one, else a tag; an entry may have neither.
  struct Label {
    std::string name, tag;
    bool is_empty() const { return name.empty() && tag.empty(); }
    bool operator==(const Label&) const = default;
  };
  static Label label_of(const json::Value& descriptor) {
    std::map<std::string, std::string> annotations;
    descriptor.member("annotations", annotations);
    for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
      const auto found = annotations.find(key);
      if (found != annotations.end() && found->second.find_first_of(":/") != std::string::npos) {
        return {short_name(found->second), {}};
      }
    }
    return {{}, annotations["org.opencontainers.image.ref.name"]};
  }

  struct Candidate {
    LayoutImage image;
    Platform platform;  // as the index has it, which says more than some configurations
    int score = 0;
  };

  // The best of one label's platforms; nothing when none suits, and `others` has what there is. Without a
  // label nobody says that the entries are one image: all that are as good are given.
  std::vector<LayoutImage> choose(const std::vector<json::Value>& descriptors, bool labelled,
                                  std::vector<std::string>& others) {
    std::vector<Candidate> candidates;
    std::vector<std::string> missing;
    for (const auto& descriptor : descriptors) collect(descriptor, candidates, missing, 0);
    const Candidate* best = nullptr;
    for (const auto& candidate : candidates) {
      if (best == nullptr || candidate.score > best->score) best = &candidate;
    }
    std::vector<LayoutImage> chosen;
    // The only one there is will do: the user has named it.
    if (best != nullptr && (best->score > 0 || (candidates.size() == 1 && missing.empty() && !given_))) {
      chosen.push_back(best->image);
      if (labelled) return chosen;
      for (const auto& candidate : candidates) {
        if (&candidate != best && candidate.score == best->score &&
            candidate.platform.text() == best->platform.text()) {
          chosen.push_back(candidate.image);
        }
      }
      return chosen;
    }
    others.insert(others.end(), missing.begin(), missing.end());
    for (const auto& candidate : candidates) others.push_back(candidate.image.platform.text());
    return chosen;
  }

  void collect(const json::Value& descriptor, std::vector<Candidate>& candidates,
               std::vector<std::string>& missing, int depth) {
    if (depth > deepest_index)
      throw descriptor.error(cat("indexes are nested deeper than ", deepest_index, " levels"));
    std::string type;
    descriptor.member("mediaType", type);
    Sha256::Digest digest;
    const std::string path = blob_path(descriptor, digest);
    std::optional<Platform> declared;
    if (const auto platform = descriptor.find("platform")) {
      declared = platform_of(*platform);
      // Attestations and other things that are no images.
      if (declared->os == "unknown") return;
      // An archive may name images whose blobs were left out since they are for other platforms.
      if (!files_.open(path) && match(wanted_, *declared) == 0) {
        missing.push_back(declared->text());
        return;
      }
    }
    const auto document = json::Document::parse(read_blob(files_, descriptor), path);
    const auto root = document.root();
    if (type.empty()) root.member("mediaType", type);
    if (root.find("manifests")) {
      root.at("manifests").each_element([&](const json::Value& nested) {
        collect(nested, candidates, missing, depth + 1);
      });
      return;
    }
    // An artifact, such as a signature, has layers that are no file system's (image-spec manifest.md,
    // "artifactType").
    std::string config_type;
    root.at("config").member("mediaType", config_type);
    if (root.find("artifactType") || !(config_type.empty() || config_type.find("image") != std::string::npos))
      return;
    Candidate candidate;
    auto& image = candidate.image;
    image.digest = Sha256::text(digest);
    root.at("layers").each_element([&](const json::Value& layer) {
      auto& entry = image.layers.emplace_back();
      entry.blob.emplace();
      entry.path = blob_path(layer, *entry.blob);
    });
    Sha256::Digest config_digest;
    const std::string config_path = blob_path(root.at("config"), config_digest);
    read_config(read_blob(files_, root.at("config")), config_path, image, image.layers.size());
    candidate.platform = declared ? *declared : image.platform;
    candidate.score = match(wanted_, candidate.platform);
    candidates.push_back(std::move(candidate));
  }

  const LayoutFiles& files_;
  const Platform& wanted_;
  bool given_;
};

// moby's image/tarexport: an array of {Config, RepoTags, Layers}.
std::vector<LayoutImage> read_docker(const LayoutFiles& files) {
  auto text = files.read("manifest.json");
  if (!text) {
    throw Error("manifest.json is missing")
        .hint("an archive of docker 1.9 or older has none: save it with a newer one");
  }
  const auto document = json::Document::parse(std::move(*text), "manifest.json");
  std::vector<LayoutImage> images;
  document.root().each_element([&](const json::Value& entry) {
    auto& image = images.emplace_back();
    std::string config_path;
    entry.require("Config", config_path);
    std::vector<std::string> tags;
    entry.member("RepoTags", tags);
    for (const auto& tag : tags) image.names.push_back(short_name(tag));
    entry.at("Layers").each_element([&](const json::Value& layer) {
      image.layers.push_back({layer.as_string(), {}, {}});
    });
    auto config = files.read(config_path);
    if (!config) throw entry.at("Config").error(cat(printable(config_path), " is not in the archive"));
    // The file's name is the digest of what is in it: that is the image's ID.
    std::string_view name = config_path;
    if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
    if (name.ends_with(".json")) name.remove_suffix(5);
    const auto digest = digest_of(*config);
    if (is_hex64(name) && Sha256::hex(digest) != name) {
      throw Error(cat(printable(config_path), ": its content has another digest, it is damaged"));
    }
    image.digest = Sha256::text(digest);
    read_config(*config, config_path, image, image.layers.size());
  });
  if (images.empty()) throw Error("manifest.json: has no images");
  return images;
}

}  // namespace

std::optional<std::string> LayoutFiles::read(const std::string& path) const {
  const auto file = open(path);
  if (!file) return std::nullopt;
  return read_range(*file, path);
}

std::optional<LayoutFiles::File> LayoutFolder::open(const std::string& path) const {
  UniqueFd fd = try_open_regular_in_root(fd_, path);
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENODEV) return std::nullopt;
    throw system_error(cat("open ", printable(path)));
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) < 0) throw system_error(cat("stat ", printable(path)));
  return File{std::move(fd), {0, static_cast<std::uint64_t>(st.st_size)}};
}

std::optional<LayoutFiles::File> LayoutTar::open(const std::string& path) const {
  const auto range = index_.find(path);
  if (!range) return std::nullopt;
  UniqueFd fd(::fcntl(fd_, F_DUPFD_CLOEXEC, 3));
  if (!fd) throw system_error("dup");
  return File{std::move(fd), *range};
}

LayoutKind layout_kind(const LayoutFiles& files) {
  if (files.open("oci-layout") && files.open("index.json")) return LayoutKind::oci;
  // A root file system may have a manifest.json of its own.
  auto text = files.read("manifest.json");
  if (!text) return LayoutKind::none;
  try {
    const auto document = json::Document::parse(std::move(*text), "manifest.json");
    bool all = document.root().is_array() && document.root().size() != 0;
    if (!all) return LayoutKind::none;
    document.root().each_element([&](const json::Value& entry) {
      all = all && entry.is_object() && entry.find("Config") && entry.find("Layers");
    });
    return all ? LayoutKind::docker : LayoutKind::none;
  } catch (const Error&) {
    return LayoutKind::none;
  }
}

bool may_be_layout(std::string_view first) {
  while (first.starts_with("./")) first.remove_prefix(2);
  std::string_view top = first.substr(0, first.find('/'));
  for (const std::string_view name : {"blobs", "oci-layout", "index.json", "manifest.json", "repositories"}) {
    if (top == name) return true;
  }
  for (const std::string_view suffix : {".json", ".tar"}) {
    if (top.ends_with(suffix)) top.remove_suffix(suffix.size());
  }
  return is_hex64(top);
}

std::vector<LayoutImage> layout_images(const LayoutFiles& files, LayoutKind kind, const Platform& wanted,
                                       bool platform_given) {
  if (kind == LayoutKind::oci) return OciReader(files, wanted, platform_given).read();
  auto images = read_docker(files);
  if (platform_given) {
    std::erase_if(images, [&](const LayoutImage& image) { return match(wanted, image.platform) == 0; });
    if (images.empty()) throw Error(cat("has no image for ", wanted.text()));
  }
  return images;
}

std::string short_name(std::string_view name) {
  for (const std::string_view host : {"docker.io/", "index.docker.io/"}) {
    if (!name.starts_with(host)) continue;
    name.remove_prefix(host.size());
    if (name.starts_with("library/")) name.remove_prefix(8);
    break;
  }
  return std::string(name);
}

}  // namespace rocker
