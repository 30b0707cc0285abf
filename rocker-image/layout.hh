// Docker archives (`docker save`) and OCI image layouts: which images are in one, what they are made of.
// Whatever is read by its digest is checked against it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rocker-image/archive_index.hh"
#include "rocker-image/hash.hh"
#include "rocker-image/platform.hh"
#include "spec/image.hh"
#include "spec/support/fd.hh"

namespace rocker {

class Cancel;

// The files of a layout, in a folder or in a plain tar.
class LayoutFiles {
 public:
  struct File {
    UniqueFd fd;
    ArchiveIndex::Range range;
  };
  LayoutFiles() = default;
  LayoutFiles(const LayoutFiles&) = delete;
  LayoutFiles& operator=(const LayoutFiles&) = delete;
  virtual ~LayoutFiles() = default;
  virtual std::optional<File> open(const std::string& path) const = 0;

  // The whole of a small file; nothing when it is not there.
  std::optional<std::string> read(const std::string& path) const;
};

class LayoutFolder : public LayoutFiles {
 public:
  explicit LayoutFolder(int fd) : fd_(fd) {}  // borrowed
  std::optional<File> open(const std::string& path) const override;

 private:
  int fd_;
};

class LayoutTar : public LayoutFiles {
 public:
  // Both are borrowed; cancel may be null.
  LayoutTar(int fd, const Cancel* cancel) : fd_(fd), index_(fd, cancel) {}
  // False: it has to be extracted first.
  bool can_be_read_in_place() const { return index_.is_complete(); }
  std::optional<File> open(const std::string& path) const override;

 private:
  int fd_;
  ArchiveIndex index_;
};

enum class LayoutKind { none, docker, oci };

// What the files are; a folder that has both is OCI, unless it is asked for as docker's.
LayoutKind layout_kind(const LayoutFiles& files);

// True when the first entry of a tar has a name that layouts begin with: then it is worth looking at all of
// them.
bool may_be_layout(std::string_view first_entry);

struct LayoutLayer {
  std::string path;
  std::optional<Sha256::Digest> blob;  // of the file as it is
  Sha256::Digest diff_id{};            // of the tar in it
};

struct LayoutImage {
  std::vector<std::string> names;  // NAME:TAG as the layout has them, in docker's short form
  std::vector<std::string> tags;   // an OCI index may have tags alone (image-spec annotations.md, "ref.name")
  Platform platform;
  std::string digest;  // of the manifest, or docker's image ID
  spec::ImageConfig config;
  std::vector<spec::ImageHistory> history;
  std::vector<LayoutLayer> layers;
};

// Every image of a layout, for the wanted platform where there are several. Throws Error, naming the file.
// cancel may be null.
std::vector<LayoutImage> layout_images(const LayoutFiles& files, LayoutKind kind, const Platform& wanted,
                                       bool platform_given, const Cancel* cancel = nullptr);

// "docker.io/library/busybox:latest" as docker shows it: "busybox:latest".
std::string short_name(std::string_view name);

}  // namespace rocker
