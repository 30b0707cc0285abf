#include "rocker-image/tar_writer.hh"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <vector>

#include "rocker-image/attributes.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using EntryPtr = std::unique_ptr<archive_entry, FreeEntry>;

}  // namespace

std::optional<std::int64_t> source_date_epoch() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::nullopt;
  // What an int64 of nanoseconds can hold ends in 2262.
  constexpr unsigned long long most = INT64_MAX / 1'000'000'000;
  unsigned long long seconds = 0;
  if (!parse_number(text, seconds) || seconds > most) {
    throw Error(cat("SOURCE_DATE_EPOCH: \"", printable(text),
                    "\" is not a number of seconds since 1970, 0 to ", most));
  }
  return static_cast<std::int64_t>(seconds);
}

Compress parse_compress(std::string_view text) {
  if (text == "none") return Compress::none;
  if (text == "gzip") return Compress::gzip;
  if (text == "zstd") return Compress::zstd;
  throw Error(cat("--compress: \"", printable(text), "\" is not known")).hint("one of none, gzip, zstd");
}

TarWriter::TarWriter(int fd, Compress compress, std::string what)
    : fd_(fd), what_(std::move(what)), archive_(::archive_write_new()), latest_(source_date_epoch()) {
  if (archive_ == nullptr) throw std::bad_alloc();
  // As for reading: names are bytes, and libarchive converts them unless the locale is UTF-8.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  check(::archive_write_set_format_pax_restricted(archive_));
  // Not under LIBARCHIVE.xattr as well, which tells nothing more and GNU tar warns of.
  check(::archive_write_set_format_option(archive_, "pax", "xattrheader", "SCHILY"));
  if (compress == Compress::gzip) {
    check(::archive_write_add_filter_gzip(archive_));
    check(::archive_write_set_filter_option(archive_, "gzip", "timestamp", nullptr));
  } else if (compress == Compress::zstd) {
    check(::archive_write_add_filter_zstd(archive_));
  }
  ::archive_write_set_bytes_in_last_block(archive_, 1);
  check(::archive_write_open_fd(archive_, fd));
}

TarWriter::~TarWriter() {
  ::archive_write_free(archive_);
}

void TarWriter::check(long status) const {
  if (status >= ARCHIVE_WARN) return;
  const char* text = ::archive_error_string(archive_);
  // libarchive's own text for a system call that failed does not say why.
  const int error = ::archive_errno(archive_);
  if (text != nullptr && std::string_view(text) == "Write error" && error > 0)
    throw system_error(cat(what_, ": write"), error);
  throw Error(cat(what_, ": ", text != nullptr ? text : "write failed"), error);
}

void TarWriter::write_header(archive_entry* entry) {
  check(::archive_write_header(archive_, entry));
}

void TarWriter::write_content(int fd, std::uint64_t size, std::string_view name) {
  std::vector<char> buffer(std::size_t{256} << 10);
  for (std::uint64_t at = 0; at < size;) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at));
    const ssize_t got = ::pread(fd, buffer.data(), step, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(cat("read ", printable(name)));
    if (got == 0) throw Error(cat(printable(name), ": became shorter while it was read"));
    check(::archive_write_data(archive_, buffer.data(), static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
}

class TarWriter::Tree : public TreeVisitor {
 public:
  // The root is called as in `top`; all else is below it.
  explicit Tree(TarWriter& writer, const std::string& top = "")
      : writer_(writer), top_(top.empty() ? "./" : cat(top, "/")), prefix_(top.empty() ? "" : top_) {}

  void enter(const Node& node, int fd) override {
    const EntryPtr entry = describe(node, node.path.empty() ? top_ : cat(prefix_, node.path, "/"));
    add_xattrs(entry.get(), node, fd);
    writer_.write_header(entry.get());
  }

  void leaf(const Node& node) override {
    if (S_ISSOCK(node.st.st_mode)) {
      ++sockets;
      return;
    }
    const std::string path = cat(prefix_, node.path);
    const EntryPtr entry = describe(node, path);
    if (node.st.st_nlink > 1) {
      const auto [first, fresh] = writer_.linked_.emplace(node.st.st_ino, path);
      if (!fresh) {
        ::archive_entry_set_hardlink(entry.get(), first->second.c_str());
        ::archive_entry_unset_size(entry.get());
        writer_.write_header(entry.get());
        return;
      }
    }
    const UniqueFd handle = open_node(node, O_PATH);
    add_xattrs(entry.get(), node, handle.get());
    if (S_ISLNK(node.st.st_mode)) {
      ::archive_entry_set_symlink(entry.get(), read_link(node).c_str());
    }
    writer_.write_header(entry.get());
    if (S_ISREG(node.st.st_mode) && node.st.st_size != 0) {
      const UniqueFd file = open_node(node, O_RDONLY);
      writer_.write_content(file.get(), static_cast<std::uint64_t>(node.st.st_size), node.path);
    }
  }

  std::size_t sockets = 0;

 private:
  EntryPtr describe(const Node& node, const std::string& path) const {
    EntryPtr entry(::archive_entry_new());
    if (!entry) throw std::bad_alloc();
    ::archive_entry_set_pathname(entry.get(), path.c_str());
    ::archive_entry_set_mode(entry.get(), node.st.st_mode);
    ::archive_entry_set_uid(entry.get(), node.st.st_uid);
    ::archive_entry_set_gid(entry.get(), node.st.st_gid);
    if (S_ISREG(node.st.st_mode)) ::archive_entry_set_size(entry.get(), node.st.st_size);
    if (S_ISCHR(node.st.st_mode) || S_ISBLK(node.st.st_mode))
      ::archive_entry_set_rdev(entry.get(), node.st.st_rdev);
    auto seconds = static_cast<std::int64_t>(node.st.st_mtim.tv_sec);
    long nanoseconds = node.st.st_mtim.tv_nsec;
    if (writer_.latest_ && seconds >= *writer_.latest_) seconds = *writer_.latest_, nanoseconds = 0;
    ::archive_entry_set_mtime(entry.get(), seconds, nanoseconds);
    return entry;
  }

  static void add_xattrs(archive_entry* entry, const Node& node, int fd) {
    const auto xattrs =
        with_context([&] { return printable(node.path); }, [&] { return read_xattrs(fd, node.lock); });
    for (const auto& [name, value] : xattrs) {
      ::archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
    }
  }

  TarWriter& writer_;
  const std::string top_, prefix_;
};

std::size_t TarWriter::add_tree(int root_fd) {
  Tree tree(*this);
  walk(root_fd, tree);
  return tree.sockets;
}

void TarWriter::add_named(int folder_fd, const std::string& name) {
  Node node;
  node.parent = folder_fd;
  node.name = node.path = name;
  if (::fstatat(folder_fd, name.c_str(), &node.st, AT_SYMLINK_NOFOLLOW) < 0)
    throw system_error(cat("stat ", printable(name)));
  if (S_ISDIR(node.st.st_mode)) {
    Tree tree(*this, name);
    walk(open_node(node, O_RDONLY | O_DIRECTORY).get(), tree);
  } else {
    Tree(*this).leaf(node);
  }
}

static EntryPtr plain_entry(const std::string& name, mode_t mode, std::uint64_t size, std::int64_t time) {
  EntryPtr entry(::archive_entry_new());
  if (!entry) throw std::bad_alloc();
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_mode(entry.get(), mode);
  if (S_ISREG(mode)) ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  ::archive_entry_set_mtime(entry.get(), time, 0);
  return entry;
}

void TarWriter::add_file(const std::string& name, std::string_view content) {
  write_header(plain_entry(name, S_IFREG | 0644, content.size(), latest_.value_or(0)).get());
  if (!content.empty()) check(::archive_write_data(archive_, content.data(), content.size()));
}

void TarWriter::add_file(const std::string& name, int fd, std::uint64_t size) {
  write_header(plain_entry(name, S_IFREG | 0644, size, latest_.value_or(0)).get());
  write_content(fd, size, name);
}

void TarWriter::add_directory(const std::string& name) {
  write_header(plain_entry(cat(name, "/"), S_IFDIR | 0755, 0, latest_.value_or(0)).get());
}

void TarWriter::finish() {
  check(::archive_write_close(archive_));
}

}  // namespace rocker
