#include "rocker-image/oci_writer.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include "rocker-image/hash.hh"
#include "rocker-image/scratch.hh"
#include "rocker-image/stream.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

struct Blob {
  std::string digest;  // "sha256:..."
  std::uint64_t size = 0;
  std::string path() const { return cat("blobs/sha256/", digest.substr(7)); }
};

Blob blob_of(std::string_view text) {
  Sha256 hash;
  hash.update(text.data(), text.size());
  return {Sha256::text(hash.finish()), text.size()};
}

void write_descriptor(json::Writer& w, std::string_view type, const Blob& blob) {
  w.member("mediaType", type);
  w.member("digest", blob.digest);
  w.member("size", blob.size);
}

// One that every tool takes: the moment of the import, or what SOURCE_DATE_EPOCH says.
std::string created_time(const spec::ImageRecord& record) {
  if (const auto epoch = source_date_epoch()) return spec::utc_time(*epoch * 1'000'000'000);
  return spec::utc_time(record.created_ns);
}

// "clamp" of reproducible-builds.org: what is later is not.
std::string clamped(const std::string& created) {
  const auto epoch = source_date_epoch();
  std::int64_t ns = 0;
  if (!epoch || !spec::parse_utc_time(created, ns) || ns <= *epoch * 1'000'000'000) return created;
  return spec::utc_time(*epoch * 1'000'000'000);
}

std::string config_of(const spec::ImageRecord& record, const std::string& diff_id) {
  json::Writer config(json::Writer::Style::compact);
  config.object([&] {
    config.member("created", created_time(record));
    config.member("architecture",
                  record.architecture.empty() ? spec::machine_architecture() : record.architecture);
    config.unless_empty("variant", record.variant);
    config.member("os", record.os);
    config.key("config");
    spec::write(config, record.config);
    config.object("rootfs", [&] {
      config.member("type", "layers");
      config.member("diff_ids", std::vector<std::string>{diff_id});
    });
    // One step a layer: what the steps of the image were is in it as those without a layer.
    config.array("history", [&] {
      for (const auto& step : record.history) {
        config.object([&] {
          config.unless_empty("created", clamped(step.created));
          config.unless_empty("created_by", step.created_by);
          config.unless_empty("author", step.author);
          config.unless_empty("comment", step.comment);
          config.member("empty_layer", true);
        });
      }
      config.object([&] {
        config.member("created", created_time(record));
        config.member("created_by", "rocker-image save");
      });
    });
  });
  return config.text();
}

std::string manifest_of(const Blob& config, const Blob& layer, Compress compress) {
  const std::string_view layer_type =
      compress == Compress::gzip   ? "application/vnd.oci.image.layer.v1.tar+gzip"
      : compress == Compress::zstd ? "application/vnd.oci.image.layer.v1.tar+zstd"
                                   : "application/vnd.oci.image.layer.v1.tar";
  json::Writer manifest(json::Writer::Style::compact);
  manifest.object([&] {
    manifest.member("schemaVersion", 2);
    manifest.member("mediaType", "application/vnd.oci.image.manifest.v1+json");
    manifest.object("config",
                    [&] { write_descriptor(manifest, "application/vnd.oci.image.config.v1+json", config); });
    manifest.array("layers",
                   [&] { manifest.object([&] { write_descriptor(manifest, layer_type, layer); }); });
  });
  return manifest.text();
}

// An image as it will be in the archive.
struct Packed {
  std::string reference;
  UniqueFd layer_file;
  Blob layer, config, manifest;
  std::string config_text, manifest_text;
};

// On the image's own disk, or, when that may only be read, where files that may be large are kept for a
// while.
UniqueFd layer_file(const std::string& scratch) {
  try {
    return scratch_file(scratch);
  } catch (const Error& error) {
    if (error.errno_value() != EROFS && error.errno_value() != EACCES) throw;
    const char* folder = std::getenv("TMPDIR");
    return scratch_file(folder != nullptr && *folder != '\0' ? folder : "/var/tmp");
  }
}

Packed pack(const spec::ImageRecord& record, int root_fd, Compress compress, const std::string& scratch) {
  Packed packed;
  packed.reference = record.reference().text();
  packed.layer_file = layer_file(scratch);
  {
    TarWriter layer(packed.layer_file.get(), compress, "the layer");
    layer.add_tree(root_fd);
    layer.finish();
  }
  // Both digests in one pass, by the same reader as an import's.
  if (::lseek(packed.layer_file.get(), 0, SEEK_SET) < 0) throw system_error("seek");
  Cancel cancel;
  FileSource source(packed.layer_file.get(), "the layer", &cancel);
  Stream stream(source, "the layer", cancel);
  const auto digests = stream.finish();
  packed.layer = {Sha256::text(digests.input), source.position()};
  packed.config_text = config_of(record, Sha256::text(digests.content));
  packed.config = blob_of(packed.config_text);
  packed.manifest_text = manifest_of(packed.config, packed.layer, compress);
  packed.manifest = blob_of(packed.manifest_text);
  return packed;
}

std::string index_of(const std::vector<Packed>& images) {
  json::Writer index(json::Writer::Style::compact);
  index.object([&] {
    index.member("schemaVersion", 2);
    index.member("mediaType", "application/vnd.oci.image.index.v1+json");
    index.array("manifests", [&] {
      for (const auto& image : images) {
        index.object([&] {
          write_descriptor(index, "application/vnd.oci.image.manifest.v1+json", image.manifest);
          index.object("annotations", [&] {
            index.member("io.containerd.image.name", image.reference);
            index.member("org.opencontainers.image.ref.name", image.reference);
          });
        });
      }
    });
  });
  return index.text();
}

// What `docker load` looks for before version 25, and what it has beside the layout itself since then. Tags
// of one image are one image there.
std::string docker_manifest_of(const std::vector<Packed>& images) {
  json::Writer docker(json::Writer::Style::compact);
  docker.array([&] {
    for (const auto& image : images) {
      const auto same = [&](const Packed& other) { return other.manifest.digest == image.manifest.digest; };
      if (&*std::find_if(images.begin(), images.end(), same) != &image) continue;
      std::vector<std::string> names;
      for (const auto& other : images) {
        if (same(other)) names.push_back(other.reference);
      }
      docker.object([&] {
        docker.member("Config", image.config.path());
        docker.member("RepoTags", names);
        docker.member("Layers", std::vector<std::string>{image.layer.path()});
      });
    }
  });
  return docker.text();
}

}  // namespace

void write_oci_archive(const std::vector<SavedImage>& images, int fd, Compress compress,
                       const std::string& what) {
  std::vector<Packed> packed;
  for (const auto& image : images) {
    packed.push_back(pack(image.record, image.root_fd, compress, image.scratch));
  }
  TarWriter tar(fd, Compress::none, what);
  tar.add_file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  tar.add_file("index.json", index_of(packed));
  tar.add_directory("blobs");
  tar.add_directory("blobs/sha256");
  std::set<std::string> written;  // a blob that two images share is there once
  for (const auto& image : packed) {
    if (written.insert(image.manifest.digest).second)
      tar.add_file(image.manifest.path(), image.manifest_text);
    if (written.insert(image.config.digest).second) tar.add_file(image.config.path(), image.config_text);
    if (written.insert(image.layer.digest).second)
      tar.add_file(image.layer.path(), image.layer_file.get(), image.layer.size);
  }
  tar.add_file("manifest.json", docker_manifest_of(packed));
  tar.finish();
}

}  // namespace rocker
