// The JSON of a layout: read, checked against its digest, and no more of it than a layout of images has.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "rocker-image/layout.hh"
#include "spec/json.hh"
#include "spec/support/str.hh"

namespace rocker {

// Documents can name each other, and themselves be short: what they lead to is counted over all of them.
class LayoutDocuments {
 public:
  // Both are borrowed; cancel may be null.
  LayoutDocuments(const LayoutFiles& files, const Cancel* cancel) : files_(files), cancel_(cancel) {}

  bool has(const std::string& path) const { return files_.open(path).has_value(); }
  // A whole document; nothing when it is not there. This and count() throw Error at a limit and ECANCELED.
  std::optional<std::string> read(const std::string& path);
  // A document by its digest; `missing` makes the error of one that is not there.
  template <typename Missing>
  std::string read_blob(const Sha256::Digest& digest, Missing missing) {
    const std::string path = blob_path(digest);
    auto text = read(path);
    if (!text) throw missing(cat("its blob ", path, " is not in the archive"));
    check_digest(*text, digest, path);
    return std::move(*text);
  }
  // Images, names, layers and what else a few bytes can ask for.
  void count(std::size_t entries = 1);

  // The configuration of an image (image-spec config.md): what its layers must be, how it wants to be run.
  void read_config(const std::string& text, const std::string& path, LayoutImage& image);

  static std::string blob_path(const Sha256::Digest& digest);

 private:
  static void check_digest(const std::string& text, const Sha256::Digest& digest, const std::string& path);
  void check_cancel() const;

  const LayoutFiles& files_;
  const Cancel* cancel_;
  std::size_t entries_ = 0, bytes_ = 0;
};

Sha256::Digest digest_of(std::string_view text);

// A member that is a digest. Throws Error for any other text.
Sha256::Digest digest_in(const json::Value& value);

Platform platform_of(const json::Value& v);

}  // namespace rocker
