#include "rocker-image/clone.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include "rocker-image/attributes.hh"
#include "rocker-image/closed.hh"
#include "rocker-image/walk.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// Keeps step with the walk: one descriptor, and back by "..", since a tree may be deeper than a path can say.
class HardLinker : public TreeVisitor {
 public:
  explicit HardLinker(UniqueFd target) : here_(std::move(target)) {}

  void enter(const Node& node, int) override {
    if (node.path.empty()) return;
    if (::mkdirat(here_.get(), node.name.c_str(), 0700) < 0) {
      throw system_error(cat("mkdir ", printable(node.path)));
    }
    here_ = open_at(here_.get(), node.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  void leave(const Node& node, int fd) override {
    Attributes attributes;
    attributes.mode = node.st.st_mode & 07777;
    attributes.uid = node.st.st_uid;
    attributes.gid = node.st.st_gid;
    attributes.mtime = node.st.st_mtim;
    attributes.xattrs = read_xattrs(fd, node.lock);
    Tally ignored;
    // Before the attributes: they may take away the right to pass.
    UniqueFd above;
    if (!node.path.empty()) above = open_at(here_.get(), "..", O_RDONLY | O_DIRECTORY);
    apply_attributes(here_.get(), attributes, ownership_, 0700, ignored);
    here_ = std::move(above);
  }

  void leaf(const Node& node) override {
    const std::string link = cat("/proc/self/fd/", node.handle);
    const int status =
        node.handle >= 0 ? ::linkat(AT_FDCWD, link.c_str(), here_.get(), node.name.c_str(), AT_SYMLINK_FOLLOW)
                         : ::linkat(node.parent, node.name.c_str(), here_.get(), node.name.c_str(), 0);
    if (status < 0) {
      throw system_error(cat("link ", printable(node.path)));
    }
  }

 private:
  UniqueFd here_;
  const Ownership ownership_ = Ownership::of_this_process(false);
};

}  // namespace

Clone clone_image(const Store& store, int folder_fd, const spec::ImageRecord& record,
                  const spec::Reference& target) {
  Clone clone{store.stage(), record};
  const int fd = clone.staging.fd();
  {
    const UniqueFd from = open_closed(folder_fd, "rootfs", O_RDONLY | O_DIRECTORY);
    if (!from) throw system_error("open rootfs");
    if (::mkdirat(fd, "rootfs", 0755) < 0) throw system_error("mkdir rootfs");
    HardLinker linker(open_at(fd, "rootfs", O_RDONLY | O_DIRECTORY));
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
