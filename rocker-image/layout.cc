#include "rocker-image/layout.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include "rocker-image/layout_documents.hh"
#include "rocker-image/oci_index.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// image-spec: "4 MiB" is what registries take for a manifest; configurations can be longer.
constexpr std::size_t most_json = std::size_t{16} << 20;

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

// moby's image/tarexport: an array of {Config, RepoTags, Layers}.
std::vector<LayoutImage> read_docker(LayoutDocuments& documents) {
  auto text = documents.read("manifest.json");
  if (!text) {
    throw Error("manifest.json is missing")
        .hint("an archive of docker 1.9 or older has none: save it with a newer one");
  }
  const auto document = json::Document::parse(std::move(*text), "manifest.json");
  std::vector<LayoutImage> images;
  document.root().each_element([&](const json::Value& entry) {
    documents.count();
    auto& image = images.emplace_back();
    std::string config_path;
    entry.require("Config", config_path);
    std::vector<std::string> tags;
    entry.member("RepoTags", tags);
    documents.count(tags.size());
    for (const auto& tag : tags) image.names.push_back(short_name(tag));
    entry.at("Layers").each_element([&](const json::Value& layer) {
      documents.count();
      image.layers.push_back({layer.as_string(), {}, {}});
    });
    const auto config = documents.read(config_path);
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
    documents.read_config(*config, config_path, image);
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
                                       bool platform_given, const Cancel* cancel) {
  LayoutDocuments documents(files, cancel);
  if (kind == LayoutKind::oci) return oci_images(documents, wanted, platform_given);
  auto images = read_docker(documents);
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
