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

Clone clone_image(const Store& store, int folder_fd, const spec::ImageRecord& record,
                  const spec::Reference& target) {
  Clone clone{store.stage(), record};
  const int fd = clone.staging.fd();
  {
    const UniqueFd from = open_at(folder_fd, "rootfs", O_RDONLY | O_DIRECTORY);
    if (::mkdirat(fd, "rootfs", 0755) < 0) throw system_error("mkdir rootfs");
    const UniqueFd to = open_at(fd, "rootfs", O_RDONLY | O_DIRECTORY);
    HardLinker linker(to.get());
    walk(from.get(), linker);
  }
  // An image may be without (import --no-manifest).
  if (::linkat(folder_fd, "manifest", fd, "manifest", 0) < 0 && errno != ENOENT) {
    throw system_error(cat("link the manifest of ", record.reference().text()));
  }
  clone.record.name = target.name;
  clone.record.tag = target.tag;
  clone.record.id = target.id();
  clone.record.generation = new_generation();
  replace_file(fd, "image.json", spec::write_image_record(clone.record), 0600);
  return clone;
}

spec::ImageRecord tag_image(const Store& store, const std::string& source, const spec::Reference& target) {
  // Record, tree and manifest are of one generation, whatever becomes of the name meanwhile.
  const Reading reading = store.read(source);
  const Image& image = reading.image();
  if (image.reference == target) return image.record;
  // Says what is missing in the words for it.
  (void)reading.rootfs();
  Clone clone = clone_image(store, reading.fd(), image.record, target);
  store.commit(std::move(clone.staging), target);
  return std::move(clone.record);
}

}  // namespace rocker
