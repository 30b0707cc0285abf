#include "rocker-image/layout_documents.hh"

#include "rocker-image/source.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "spec/support/utf8.hh"

namespace rocker {

namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20;
constexpr std::size_t most_entries = 100'000;
// Go's names of systems and processors have a dozen letters.
constexpr std::size_t longest_platform = 255;

}  // namespace

void LayoutDocuments::check_cancel() const {
  if (cancel_ != nullptr) cancel_->throw_if_set();
}

std::optional<std::string> LayoutDocuments::read(const std::string& path) {
  check_cancel();
  auto text = files_.read(path);
  if (text) bytes_ += text->size();
  if (bytes_ > most_bytes) {
    throw Error(cat("its manifests and configurations have more than ", most_bytes >> 20, " MiB together"))
        .hint("split it into several archives");
  }
  return text;
}

void LayoutDocuments::count(std::size_t entries) {
  check_cancel();
  entries_ += entries;
  if (entries_ > most_entries) {
    throw Error(cat("names more than ", most_entries, " images, layers and steps of history together"))
        .hint("split it into several archives");
  }
}

void LayoutDocuments::read_config(const std::string& text, const std::string& path, LayoutImage& image) {
  // As docker reads it; its digest was that of the bytes.
  const auto document = json::Document::parse(valid_utf8(text), printable(path));
  const auto root = document.root();
  image.platform = platform_of(root);
  if (const auto config = root.find("config")) spec::read(*config, image.config);
  if (const auto history = root.find("history")) {
    count(history->size());
    json::read(*history, image.history);
  }
  const auto diff_ids = root.at("rootfs").at("diff_ids");
  const std::size_t layers = image.layers.size();
  if (diff_ids.size() != layers) {
    throw diff_ids.error(cat("has ", diff_ids.size(), " entries, but the image has ", layers, " layers"));
  }
  std::size_t at = 0;
  diff_ids.each_element([&](const json::Value& id) { image.layers[at++].diff_id = digest_in(id); });
}

std::string LayoutDocuments::blob_path(const Sha256::Digest& digest) {
  return cat("blobs/sha256/", Sha256::hex(digest));
}

void LayoutDocuments::check_digest(const std::string& text, const Sha256::Digest& digest,
                                   const std::string& path) {
  if (digest_of(text) != digest) throw Error(cat(path, ": its content has another digest, it is damaged"));
}

Sha256::Digest digest_of(std::string_view text) {
  Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.finish();
}

Sha256::Digest digest_in(const json::Value& value) {
  Sha256::Digest digest;
  if (!Sha256::parse(value.as_string(), digest)) {
    throw value.error(cat("expected sha256: and 64 digits, found ", value.shown()));
  }
  return digest;
}

Platform platform_of(const json::Value& v) {
  Platform platform;
  v.member("os", platform.os);
  v.member("architecture", platform.architecture);
  v.member("variant", platform.variant);
  if (platform.text().size() > longest_platform) {
    throw v.error(cat("expected a platform of at most ", longest_platform, " bytes"));
  }
  return platform;
}

}  // namespace rocker
