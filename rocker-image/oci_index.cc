#include "rocker-image/oci_index.hh"

#include <map>
#include <set>
#include <utility>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr int deepest_index = 8;

// An entry of an index (image-spec descriptor.md).
struct Descriptor {
  Sha256::Digest digest{};
  std::optional<Platform> declared;  // as the index has it, which says more than some configurations
  std::size_t at = 0;                // where it stands, for messages
};

// What is behind a digest: an index, an image, or what is neither.
struct Node {
  std::string document;  // its name, for messages
  std::vector<Descriptor> nested;
  std::optional<LayoutImage> image;

  Error error(const Descriptor& entry, std::string_view problem) const {
    return Error(cat(document, ": /manifests/", entry.at, ": ", problem));
  }
};

// A whole reference where there is one, else a tag; an entry may have neither.
struct Label {
  std::string name, tag;
  bool is_empty() const { return name.empty() && tag.empty(); }
  auto operator<=>(const Label&) const = default;
};

Label label_of(const json::Value& descriptor) {
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

Descriptor read_descriptor(const json::Value& v, std::size_t at) {
  Descriptor descriptor;
  descriptor.digest = digest_in(v.at("digest"));
  if (const auto platform = v.find("platform")) descriptor.declared = platform_of(*platform);
  descriptor.at = at;
  return descriptor;
}

class OciIndex {
 public:
  OciIndex(LayoutDocuments& documents, const Platform& wanted, bool given)
      : documents_(documents), wanted_(wanted), given_(given) {}

  std::vector<LayoutImage> read() {
    auto text = documents_.read("index.json");
    if (!text) throw Error("index.json is missing");
    // Entries of one name are one image for several platforms.
    std::vector<Group> groups;
    read_groups(json::Document::parse(std::move(*text), "index.json").root(), groups);
    if (groups.empty()) throw Error("index.json: has no images");
    std::vector<LayoutImage> images;
    std::map<std::string, std::size_t> by_digest;
    for (const auto& group : groups) {
      for (const LayoutImage* image : choose(group)) {
        // Two names of one image.
        const auto [same, fresh] = by_digest.emplace(image->digest, images.size());
        if (fresh) images.push_back(*image);
        auto& named = images[same->second];
        if (!group.label.name.empty()) named.names.push_back(group.label.name);
        if (!group.label.tag.empty()) named.tags.push_back(group.label.tag);
      }
    }
    if (images.empty()) {
      const std::vector<std::string> others(others_.begin(), others_.end());
      throw Error(cat("has no image for ", wanted_.text(), ", only for ",
                      others.empty() ? std::string("none at all") : printable(join(others, ", "))))
          .hint("choose one with --platform");
    }
    return images;
  }

 private:
  struct Group {
    Label label;
    std::vector<Descriptor> descriptors;
  };
  struct Candidate {
    const LayoutImage* image;
    Platform platform;
    int score = 0;
  };
  // What one label's entries lead to.
  struct Found {
    std::vector<Candidate> candidates;
    std::set<std::string> missing;  // platforms whose blobs were left out
    std::set<std::pair<const Node*, std::string>> seen;
  };

  static void read_groups(const json::Value& root, std::vector<Group>& groups) {
    std::map<Label, std::size_t> by_label;
    std::size_t at = 0;
    root.at("manifests").each_element([&](const json::Value& v) {
      Label label = label_of(v);
      const auto [same, fresh] = by_label.emplace(label, groups.size());
      if (fresh) groups.push_back({std::move(label), {}});
      groups[same->second].descriptors.push_back(read_descriptor(v, at++));
    });
  }

  // The best of one label's platforms; none when no one suits, and others_ has what there is. Without a label
  // nobody says that the entries are one image: all that are as good are given.
  std::vector<const LayoutImage*> choose(const Group& group) {
    Found found;
    for (const auto& descriptor : group.descriptors) collect(top_, descriptor, found, 0);
    const Candidate* best = nullptr;
    for (const auto& candidate : found.candidates) {
      if (best == nullptr || candidate.score > best->score) best = &candidate;
    }
    std::vector<const LayoutImage*> chosen;
    // The only one there is will do: the user has named it.
    const bool only = found.candidates.size() == 1 && found.missing.empty() && !given_;
    if (best != nullptr && (best->score > 0 || only)) {
      chosen.push_back(best->image);
      if (!group.label.is_empty()) return chosen;
      for (const auto& candidate : found.candidates) {
        if (&candidate != best && candidate.score == best->score &&
            candidate.platform.text() == best->platform.text()) {
          chosen.push_back(candidate.image);
        }
      }
      return chosen;
    }
    others_.insert(found.missing.begin(), found.missing.end());
    for (const auto& candidate : found.candidates) others_.insert(candidate.image->platform.text());
    return chosen;
  }

  void collect(const Node& parent, const Descriptor& descriptor, Found& found, int depth) {
    documents_.count();
    if (depth > deepest_index) {
      throw parent.error(descriptor, cat("indexes are nested deeper than ", deepest_index, " levels"));
    }
    if (descriptor.declared) {
      // Attestations and other things that are no images.
      if (descriptor.declared->os == "unknown") return;
      // An archive may name images whose blobs were left out since they are for other platforms.
      if (match(wanted_, *descriptor.declared) == 0 && !nodes_.contains(descriptor.digest) &&
          !documents_.has(LayoutDocuments::blob_path(descriptor.digest))) {
        found.missing.insert(descriptor.declared->text());
        return;
      }
    }
    const Node& node = node_of(parent, descriptor);
    // A label's entries may lead to the same by several ways. One image can be for several platforms, if the
    // index says so.
    const bool named = node.image && descriptor.declared;
    if (!found.seen.emplace(&node, named ? descriptor.declared->text() : std::string()).second) return;
    for (const auto& nested : node.nested) collect(node, nested, found, depth + 1);
    if (!node.image) return;
    Candidate candidate{&*node.image, named ? *descriptor.declared : node.image->platform};
    candidate.score = match(wanted_, candidate.platform);
    found.candidates.push_back(std::move(candidate));
  }

  const Node& node_of(const Node& parent, const Descriptor& descriptor) {
    const auto known = nodes_.find(descriptor.digest);
    if (known != nodes_.end()) return known->second;
    Node node;
    node.document = LayoutDocuments::blob_path(descriptor.digest);
    const auto document = json::Document::parse(
        documents_.read_blob(descriptor.digest,
                             [&](std::string_view problem) { return parent.error(descriptor, problem); }),
        node.document);
    const auto root = document.root();
    if (const auto manifests = root.find("manifests")) {
      manifests->each_element([&](const json::Value& v) {
        documents_.count();
        node.nested.push_back(read_descriptor(v, node.nested.size()));
      });
    } else {
      read_manifest(root, Sha256::text(descriptor.digest), node);
    }
    return nodes_.emplace(descriptor.digest, std::move(node)).first->second;
  }

  void read_manifest(const json::Value& root, std::string digest, Node& node) {
    // An artifact, such as a signature, has layers that are no file system's (image-spec manifest.md,
    // "artifactType").
    const auto config = root.at("config");
    std::string config_type;
    config.member("mediaType", config_type);
    if (root.find("artifactType") || !(config_type.empty() || config_type.find("image") != std::string::npos))
      return;
    auto& image = node.image.emplace();
    image.digest = std::move(digest);
    root.at("layers").each_element([&](const json::Value& layer) {
      documents_.count();
      auto& entry = image.layers.emplace_back();
      entry.blob = digest_in(layer.at("digest"));
      entry.path = LayoutDocuments::blob_path(*entry.blob);
    });
    const auto config_digest = digest_in(config.at("digest"));
    const std::string text =
        documents_.read_blob(config_digest, [&](std::string_view problem) { return config.error(problem); });
    documents_.read_config(text, LayoutDocuments::blob_path(config_digest), image);
  }

  LayoutDocuments& documents_;
  const Platform& wanted_;
  bool given_;
  const Node top_{"index.json", {}, {}};
  // Each digest is read once, however often it is named: a graph of a few documents can have more ways
  // through it than anybody could walk.
  std::map<Sha256::Digest, Node> nodes_;
  std::set<std::string> others_;  // platforms that there are
};

}  // namespace

std::vector<LayoutImage> oci_images(LayoutDocuments& documents, const Platform& wanted, bool given) {
  return OciIndex(documents, wanted, given).read();
}

}  // namespace rocker
