#include "rocker-image/oci_writer.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <unistd.h>

#include <cstdlib>
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

}  // namespace

void write_oci_archive(const spec::ImageRecord& record, int root_fd, int fd, Compress compress,
                       const std::string& scratch, const std::string& what) {
  const UniqueFd layer_file = scratch_file(scratch);
  {
    TarWriter layer(layer_file.get(), compress, "the layer");
    layer.add_tree(root_fd);
    layer.finish();
  }
  // Both digests in one pass, by the same reader as an import's.
  if (::lseek(layer_file.get(), 0, SEEK_SET) < 0) throw system_error("seek");
  Cancel cancel;
  FileSource source(layer_file.get(), "the layer", &cancel);
  Stream stream(source, "the layer", cancel);
  const auto digests = stream.finish();
  const Blob layer{Sha256::text(digests.input), source.position()};

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
      config.member("diff_ids", std::vector<std::string>{Sha256::text(digests.content)});
    });
    // One step a layer: what the steps of the image were is in it as those without a layer.
    config.array("history", [&] {
      for (const auto& step : record.history) {
        config.object([&] {
          config.unless_empty("created", step.created);
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
  const std::string config_text = config.text();
  const Blob config_blob = blob_of(config_text);

  const std::string_view layer_type =
      compress == Compress::gzip   ? "application/vnd.oci.image.layer.v1.tar+gzip"
      : compress == Compress::zstd ? "application/vnd.oci.image.layer.v1.tar+zstd"
                                   : "application/vnd.oci.image.layer.v1.tar";
  json::Writer manifest(json::Writer::Style::compact);
  manifest.object([&] {
    manifest.member("schemaVersion", 2);
    manifest.member("mediaType", "application/vnd.oci.image.manifest.v1+json");
    manifest.object("config", [&] {
      write_descriptor(manifest, "application/vnd.oci.image.config.v1+json", config_blob);
    });
    manifest.array("layers",
                   [&] { manifest.object([&] { write_descriptor(manifest, layer_type, layer); }); });
  });
  const std::string manifest_text = manifest.text();
  const Blob manifest_blob = blob_of(manifest_text);

  json::Writer index(json::Writer::Style::compact);
  index.object([&] {
    index.member("schemaVersion", 2);
    index.member("mediaType", "application/vnd.oci.image.index.v1+json");
    index.array("manifests", [&] {
      index.object([&] {
        write_descriptor(index, "application/vnd.oci.image.manifest.v1+json", manifest_blob);
        index.object("annotations", [&] {
          index.member("io.containerd.image.name", record.reference().text());
          index.member("org.opencontainers.image.ref.name", record.reference().text());
        });
      });
    });
  });

  // What `docker load` looks for before version 25, and what it has beside the layout itself since then.
  json::Writer docker(json::Writer::Style::compact);
  docker.array([&] {
    docker.object([&] {
      docker.member("Config", config_blob.path());
      docker.member("RepoTags", std::vector<std::string>{record.reference().text()});
      docker.member("Layers", std::vector<std::string>{layer.path()});
    });
  });

  TarWriter tar(fd, Compress::none, what);
  tar.add_file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  tar.add_file("index.json", index.text());
  tar.add_directory("blobs");
  tar.add_directory("blobs/sha256");
  tar.add_file(manifest_blob.path(), manifest_text);
  tar.add_file(config_blob.path(), config_text);
  tar.add_file(layer.path(), layer_file.get(), layer.size);
  tar.add_file("manifest.json", docker.text());
  tar.finish();
}

}  // namespace rocker
