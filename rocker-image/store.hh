// The store: where images live (spec/README.md, "The image store").
//
//   ROOT/images/NAME/TAG/{image.json,rootfs/}   the image that NAME:TAG names now
//   ROOT/generations/GENERATION/{...}           one that was replaced or removed while it is used or read
//   ROOT/references/GENERATION/KEY              a bundle that uses it: the bundle's path
//   ROOT/tmp/                                   what is being made or taken away; each with a lock beside it
//   ROOT/locks/ID                               one lock an image
//
// Every import has a generation of its own. A bundle holds on to a generation, not to a name; so does who
// reads an image, by a lock on its image.json that ends with the process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/image.hh"
#include "spec/support/fd.hh"
#include "spec/support/lock.hh"

namespace rocker {

struct Image {
  spec::Reference reference;
  std::string directory;  // that has image.json and rootfs/ in it: absolute
  spec::ImageRecord record;

  std::string rootfs() const { return directory + "/rootfs"; }
  const std::string& generation() const { return record.generation; }
};

// Several names of one tree have its files in common: the same number for each of them. Nothing for an image
// that has its files alone, or no manifest.
std::optional<std::uint64_t> tree_of(const Image& image);

// A generation's name that no other import has.
std::string new_generation();

// An image that is being made: a folder in ROOT/tmp that is gone with this object unless it was committed.
// While it lives it holds a lock by which others see that it is no debris.
class Staging {
 public:
  Staging(Staging&&) noexcept;
  Staging& operator=(Staging&&) = delete;
  ~Staging();

  int fd() const { return dir_.get(); }
  const std::string& name() const { return name_; }
  std::string path() const;

 private:
  friend class Store;
  Staging() = default;
  std::string root_;
  UniqueFd tmp_, dir_;
  std::string name_;  // empty: nothing to remove
  FileLock lock_;
};

class Reading;

class Store {
 public:
  // root is absolute. A store that does not exist yet has no images; it is made by the first that writes.
  explicit Store(std::string root) : root_(std::move(root)) {}
  const std::string& root() const { return root_; }

  // The image of a reference, or of an ID or an unambiguous beginning of one. Throws "Image not found: ...",
  // or what is wrong with its image.json.
  Image find(std::string_view reference_or_id) const;

  // Which image that is, though its image.json may be missing or broken.
  spec::Reference resolve(std::string_view reference_or_id) const;

  using OnBroken = std::function<void(const Error&)>;
  // Every image, in no order that means anything. One that can't be read is given to `broken` and left out.
  // `take` may keep what it is given.
  void each(const std::function<void(Image& image)>& take, const OnBroken& broken) const;

  // As much of each as a list shows, without what else there is of it: a store may have thousands.
  struct Summary {
    spec::Reference reference;
    std::uint64_t size = 0;
    std::int64_t created_ns = 0;
    std::string created_time;
  };
  static Summary summary_of(const Image& image);
  void each_summary(const std::function<void(Summary& summary)>& take, const OnBroken& broken) const;

  // Every image, newest first, ties by name.
  std::vector<Image> list(const OnBroken& broken) const;

  // Throws "rootfs not found: ..." when it was taken away.
  void check_rootfs(const Image& image) const;

  // One at a time changes what NAME:TAG is (exclusive), while others only look (shared).
  FileLock lock(const spec::Reference& reference, FileLock::Mode mode) const;

  // Finds an image and notes down, in one step under its lock, that the bundle uses it: from then on its
  // rootfs stays as long as the bundle does, whatever becomes of the name. bundle_dir is absolute and must
  // exist (a reference whose bundle is gone counts for nothing). Before the reference is written, `note` has
  // its turn: what it leaves in the bundle says whose it is when we are killed.
  Image use(std::string_view reference_or_id, const std::string& bundle_dir,
            const std::function<void(const Image& image)>& note) const;

  // Finds an image and opens it, in one step under its lock: what is read through the Reading is one
  // generation, and stays until it has been read, whatever becomes of the name.
  Reading read(std::string_view reference_or_id) const;

  // The image that a bundle was made from, wherever it lies now. For overlayfs' lowerdir: its rootfs() is
  // valid for as long as the shared lock of the reference is held; a mounted overlay needs the path no more.
  Image find_generation(const spec::Reference& reference, const std::string& generation) const;

  // The bundle uses the generation no more; takes the generation away when it was the last and the name is
  // another's. No error when there is no such reference.
  void release(const spec::Reference& reference, const std::string& generation,
               const std::string& bundle_dir) const;

  // The bundles that use a generation and are not known to be gone.
  std::vector<std::string> users(const std::string& generation) const;

  // Images that were replaced or removed and that bundles still use.
  std::vector<spec::ImageRecord> kept_generations() const;

  // A new, empty folder to make an image in.
  Staging stage() const;

  // Makes the staged folder, which has image.json and rootfs/ in it, the image that record's name and tag
  // stand for, in one step. What they stood for before stays as long as bundles use it.
  void commit(Staging staging, const spec::Reference& reference) const;

  // The name is gone when this returns; the data follows, or stays for those that are given.
  struct Users {
    std::size_t bundles = 0, containers = 0;
    bool readers = false;  // commands that run: export, tag, ...
  };
  Users remove(const spec::Reference& reference) const;

  // Takes away what crashed imports, removals and bundles have left. Gives the names of what was removed.
  enum class Deletion { now, in_background };
  std::vector<std::string> prune(Deletion deletion = Deletion::now) const;

 private:
  friend class Reading;
  std::string image_directory(const spec::Reference& reference) const;
  Image load(const spec::Reference& reference, std::string directory) const;
  // The same, its file found below the open folder of all images: of many the way down is gone once.
  Image load(const spec::Reference& reference, std::string directory, int images_fd) const;
  template <typename Load, typename Take>
  void visit(const Load& load_one, const Take& take, const OnBroken& broken) const;
  std::optional<std::string> live_generation(const spec::Reference& reference) const;
  void discard(const std::string& path) const;
  bool in_use(const std::string& directory, const std::string& generation) const;
  Users count_users(const std::string& directory, const std::string& generation) const;
  void drop_generation_if_unused(const spec::Reference& reference, const std::string& generation) const;

  std::string root_;
};

// An image that is open: its data stays while this lives.
class Reading {
 public:
  Reading(Reading&&) noexcept = default;
  Reading& operator=(Reading&&) = delete;
  ~Reading();

  const Image& image() const { return image_; }  // its directory is only where it was: open below fd()
  int fd() const { return dir_.get(); }  // of the folder that has image.json, rootfs/ and manifest in it
  UniqueFd rootfs() const;               // throws as check_rootfs() does

 private:
  friend class Store;
  explicit Reading(const Store& store) : store_(store) {}
  Store store_;
  Image image_;
  UniqueFd dir_;
  FileLock lock_;
};

}  // namespace rocker
