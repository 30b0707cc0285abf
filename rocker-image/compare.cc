#include "rocker-image/compare.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "rocker-image/xattr_digest.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// Lines of a manifest, one at a time: it may be long.
class ManifestReader {
 public:
  explicit ManifestReader(const ManifestFolder& folder) : path_(cat(folder.path, "/manifest")) {
    UniqueFd fd(::openat(folder.fd, "manifest", O_RDONLY | O_CLOEXEC));
    if (!fd) {
      if (errno != ENOENT) throw system_error(cat("open ", path_));
      throw Error(cat(path_, ": there is no manifest"))
          .hint("the image was imported with --no-manifest, or not by rocker; import it again");
    }
    file_.reset(::fdopen(fd.get(), "r"));
    if (!file_) throw system_error(cat("open ", path_));
    fd.release();
    advance();
  }
  ~ManifestReader() { std::free(text_); }
  ManifestReader(const ManifestReader&) = delete;
  ManifestReader& operator=(const ManifestReader&) = delete;

  bool at_end() const { return ended_; }
  const ManifestLine& line() const { return line_; }
  // It is said before the first file.
  bool knows_xattrs() const { return knows_xattrs_; }
  void advance() {
    for (;;) {
      ++number_;
      const ssize_t length = ::getline(&text_, &capacity_, file_.get());
      if (length < 0) {
        ended_ = true;
        return;
      }
      std::string_view text(text_, static_cast<std::size_t>(length));
      if (text.ends_with('\n')) text.remove_suffix(1);
      if (text == xattrs_are_known) knows_xattrs_ = true;
      const bool found = with_context([&] { return cat(path_, ": line ", number_); },
                                      [&] { return parse_line(text, line_); });
      if (found) return;
    }
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  char* text_ = nullptr;
  std::size_t capacity_ = 0, number_ = 0;
  ManifestLine line_;
  bool ended_ = false, knows_xattrs_ = false;
};

// The order of walk(): component by component, so that a slash comes before every other byte.
int compare_paths(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (a[i] == '/') return -1;
    if (b[i] == '/') return 1;
    return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]) ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

std::string octal(unsigned mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string what_changed(const ManifestLine& a, const ManifestLine& b, bool times, bool xattrs) {
  std::vector<std::string> parts;
  const auto tell = [&](bool differs, std::string_view name, const std::string& before,
                        const std::string& after) {
    if (differs) parts.push_back(cat(name, " ", before, " -> ", after));
  };
  tell(a.type != b.type, "type", a.type, b.type);
  tell(a.mode != b.mode, "mode", octal(a.mode), octal(b.mode));
  tell(a.uid != b.uid || a.gid != b.gid, "owner", cat(a.uid, ":", a.gid), cat(b.uid, ":", b.gid));
  tell(a.target != b.target, "target", printable(a.target), printable(b.target));
  tell(a.major != b.major || a.minor != b.minor, "device", cat(a.major, ":", a.minor),
       cat(b.major, ":", b.minor));
  if (a.type == "file" && b.type == "file") {
    tell(a.size != b.size, "size", std::to_string(a.size), std::to_string(b.size));
    if (a.size == b.size && a.digest && b.digest && *a.digest != *b.digest) parts.emplace_back("content");
  }
  if (xattrs && a.xattrs != b.xattrs) parts.emplace_back("xattrs");
  const bool time_differs = a.seconds != b.seconds || a.nanoseconds != b.nanoseconds;
  if (times && time_differs) parts.emplace_back("time");
  return join(parts, ", ");
}

Sha256::Digest hash_file(const Node& node) {
  const UniqueFd file = open_node(node, O_RDONLY | O_NONBLOCK);
  Sha256 hash;
  std::vector<char> buffer(std::size_t{256} << 10);
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(cat("read ", printable(node.path)));
    if (got == 0) return hash.finish();
    hash.update(buffer.data(), static_cast<std::size_t>(got));
  }
}

// Both sides come in one order: each step takes from the one that is behind.
class Comparer : public TreeVisitor {
 public:
  Comparer(ManifestReader& manifest, bool content, const OnDifference& report)
      : manifest_(manifest), content_(content), report_(report) {}

  void enter(const Node& node, int fd) override { visit(node, fd); }
  void leaf(const Node& node) override { visit(node, -1); }
  void finish() {
    for (; !manifest_.at_end(); manifest_.advance()) {
      report_({Difference::Kind::deleted, cat("/", manifest_.line().path), ""});
    }
  }

 private:
  void visit(const Node& node, int directory_fd) {
    while (!manifest_.at_end() && compare_paths(manifest_.line().path, node.path) < 0) {
      report_({Difference::Kind::deleted, cat("/", manifest_.line().path), ""});
      manifest_.advance();
    }
    if (manifest_.at_end() || manifest_.line().path != node.path) {
      report_({Difference::Kind::added, cat("/", node.path), ""});
      return;
    }
    ManifestLine now;
    describe_node(node, now);
    const auto& then = manifest_.line();
    if (content_ && S_ISREG(node.st.st_mode) && then.digest && then.size == now.size)
      now.digest = hash_file(node);
    if (manifest_.knows_xattrs())
      now.xattrs = directory_fd >= 0 ? xattr_digest(directory_fd, node.lock) : xattr_digest(node);
    const auto what = what_changed(then, now, true, manifest_.knows_xattrs());
    if (!what.empty()) report_({Difference::Kind::changed, cat("/", node.path), what});
    manifest_.advance();
  }

  ManifestReader& manifest_;
  bool content_;
  const OnDifference& report_;
};

}  // namespace

void compare_tree(int root_fd, const ManifestFolder& manifest, bool content, const OnDifference& report) {
  ManifestReader reader(manifest);
  Comparer comparer(reader, content, report);
  walk(root_fd, comparer);
  comparer.finish();
}

void compare_manifests(const ManifestFolder& before, const ManifestFolder& after,
                       const OnDifference& report) {
  ManifestReader a(before), b(after);
  while (!a.at_end() || !b.at_end()) {
    const int order = a.at_end() ? 1 : b.at_end() ? -1 : compare_paths(a.line().path, b.line().path);
    if (order < 0) {
      report({Difference::Kind::deleted, cat("/", a.line().path), ""});
      a.advance();
    } else if (order > 0) {
      report({Difference::Kind::added, cat("/", b.line().path), ""});
      b.advance();
    } else {
      const auto what = what_changed(a.line(), b.line(), false, a.knows_xattrs() && b.knows_xattrs());
      if (!what.empty()) report({Difference::Kind::changed, cat("/", b.line().path), what});
      a.advance();
      b.advance();
    }
  }
}

}  // namespace rocker
