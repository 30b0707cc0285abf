#include "rocker-image/clone.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "rocker-image/attributes.hh"
#include "rocker-image/walk.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

class HardLinker : public TreeVisitor {
 public:
  explicit HardLinker(int target_fd) : root_(target_fd) {}

  void enter(const Node& node, int) override {
    if (!node.path.empty() && ::mkdirat(here(node), node.name.c_str(), 0700) < 0) {
      throw system_error(cat("mkdir ", printable(node.path)));
    }
    // By path, and not with a descriptor a level: the store's own trees have no links in the way that lead
    // out.
    directory_ = open_in_root(root_, node.path, O_RDONLY | O_DIRECTORY);
    path_ = node.path;
  }

  void leave(const Node& node, int fd) override {
    const UniqueFd target = open_in_root(root_, node.path, O_RDONLY | O_DIRECTORY);
    Attributes attributes;
    attributes.mode = node.st.st_mode & 07777;
    attributes.uid = node.st.st_uid;
    attributes.gid = node.st.st_gid;
    attributes.mtime = node.st.st_mtim;
    attributes.xattrs = read_xattrs(fd);
    Tally ignored;
    apply_attributes(target.get(), attributes, Ownership::of_this_process(false), 0700, ignored);
  }

  void leaf(const Node& node) override {
    if (::linkat(node.parent, node.name.c_str(), here(node), node.name.c_str(), 0) < 0) {
      throw system_error(cat("link ", printable(node.path)));
    }
  }

 private:
  int here(const Node& node) {
    const auto slash = node.path.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : node.path.substr(0, slash);
    if (!directory_ || path_ != parent) {
      directory_ = open_in_root(root_, parent, O_RDONLY | O_DIRECTORY);
      path_ = parent;
    }
    return directory_.get();
  }

  int root_;
  UniqueFd directory_;
  std::string path_;
};

}  // namespace

spec::ImageRecord tag_image(const Store& store, const std::string& source, const spec::Reference& target) {
  Staging staging = store.stage();
  // Record, tree and manifest are of one generation, whatever becomes of the name meanwhile.
  const Reading reading = store.read(source);
  const Image& image = reading.image();
  auto record = image.record;
  if (image.reference == target) return record;
  {
    const UniqueFd from = reading.rootfs();
    if (::mkdirat(staging.fd(), "rootfs", 0755) < 0) throw system_error("mkdir rootfs");
    const UniqueFd to = open_at(staging.fd(), "rootfs", O_RDONLY | O_DIRECTORY);
    HardLinker linker(to.get());
    walk(from.get(), linker);
  }
  // An image may be without (import --no-manifest).
  if (::linkat(reading.fd(), "manifest", staging.fd(), "manifest", 0) < 0 && errno != ENOENT) {
    throw system_error(cat("link ", image.directory, "/manifest"));
  }
  record.name = target.name;
  record.tag = target.tag;
  record.id = target.id();
  record.generation = new_generation();
  replace_file(staging.fd(), "image.json", spec::write_image_record(record), 0600);
  store.commit(std::move(staging), target);
  return record;
}

}  // namespace rocker
