#include "rocker-image/archive.hh"

#include <archive.h>
#include <archive_entry.h>
#include <sys/sysmacros.h>

#include <cstring>
#include <limits>

#include "rocker-image/acl.hh"
#include "rocker-image/describe.hh"
#include "rocker-image/xattr_names.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::size_t end_marker = 512;
// Up to where describe_content() looks.
constexpr std::size_t described_head = 33 << 10;

// An ID as the kernel has it: (uid_t)-1 stands for "leave it as it is" there.
unsigned checked_id(std::int64_t id, std::string_view what) {
  if (id < 0 || id >= std::numeric_limits<std::uint32_t>::max()) {
    throw Error(
        cat("its ", what, " is ", id, ", expected 0 to ", std::numeric_limits<std::uint32_t>::max() - 1));
  }
  return static_cast<unsigned>(id);
}

}  // namespace

Error header_too_large() {
  return Error(cat("a header is larger than ", most_header >> 20, " MiB"))
      .hint("if it is that of a sparse file of many parts, make the archive without --sparse");
}

ArchiveReader::ArchiveReader(Stream& stream) : stream_(stream), archive_(::archive_read_new()) {
  if (archive_ == nullptr) throw std::bad_alloc();
  ::archive_read_support_filter_none(archive_);
  ::archive_read_support_format_tar(archive_);
  ::archive_read_support_format_cpio(archive_);
}

ArchiveReader::~ArchiveReader() {
  ::archive_read_free(archive_);
}

long ArchiveReader::pull(archive*, void* self, const void** data) {
  auto& reader = *static_cast<ArchiveReader*>(self);
  // An exception must not pass through C.
  try {
    auto block = reader.stream_.next();
    if (!block) {
      // umoci and others leave out the zeros behind the last entry as well as the end marker; Go's tar
      // readers do not mind.
      static constexpr char zeros[end_marker] = {};
      const auto odd = static_cast<std::size_t>(reader.stream_.size() % end_marker);
      if (odd == 0 || !reader.allow_missing_end_ || reader.padded_) return 0;
      reader.padded_ = true;
      *data = zeros;
      return static_cast<long>(end_marker - odd);
    }
    if (reader.stream_.size() > reader.limit_) throw header_too_large();
    const std::string_view content(block->memory, block->size);
    if (reader.head_.empty()) reader.head_ = content.substr(0, described_head);
    if (content.size() >= end_marker) {
      reader.tail_ = content.substr(content.size() - end_marker);
    } else {
      reader.tail_ += content;
      if (reader.tail_.size() > end_marker) reader.tail_.erase(0, reader.tail_.size() - end_marker);
    }
    reader.current_ = std::move(block);
    *data = reader.current_->memory;
    return static_cast<long>(reader.current_->size);
  } catch (...) {
    reader.thrown_ = std::current_exception();
    return -1;
  }
}

void ArchiveReader::fail(std::string_view what) {
  if (thrown_) std::rethrow_exception(thrown_);
  const char* text = ::archive_error_string(archive_);
  const std::string place = path_.empty() ? std::string() : cat("behind entry \"", printable(path_), "\": ");
  throw Error(cat(place, what, text != nullptr ? text : "damaged or cut short", " (at byte ",
                  ::archive_filter_bytes(archive_, 0), " of the archive)"));
}

void ArchiveReader::refuse() {
  if (head_.empty()) throw Error("is empty, expected a tar or cpio archive");
  const std::string found = describe_content(head_);
  throw Error(cat("is not a tar or cpio archive", found.empty() ? std::string() : cat(" but ", found)))
      .hint("expected a tar or cpio archive of a root file system, plain or compressed");
}

void ArchiveReader::open() {
  opened_ = true;
  if (::archive_read_open(archive_, this, nullptr, pull, nullptr) == ARCHIVE_OK) return;
  if (thrown_) std::rethrow_exception(thrown_);
  refuse();
}

// What is left of an entry that nobody has read. libarchive would pass over it with the next header, but how
// long it is in the archive is not known: a sparse file has fewer bytes there than its size says.
void ArchiveReader::skip_content() {
  const int status = ::archive_read_data_skip(archive_);
  if (status == ARCHIVE_EOF) throw Error(cat("ends in the middle of entry \"", printable(path_), "\""));
  if (status < ARCHIVE_WARN) fail("");
}

bool ArchiveReader::next(Entry& entry) {
  if (ended_) return false;
  if (any_) skip_content();
  limit_ = stream_.size() + most_header;
  if (!opened_) open();
  archive_entry* raw = nullptr;
  const int status = ::archive_read_next_header(archive_, &raw);
  if (status == ARCHIVE_EOF) {
    ended_ = true;
    check_end();
    return false;
  }
  if (status < ARCHIVE_WARN) {
    if (thrown_) std::rethrow_exception(thrown_);
    // It has a format when a first header was recognised.
    if (!any_ && ::archive_format(archive_) == 0) refuse();
    fail("");
  }
  // Names that are no UTF-8 are kept as they are. Whatever else libarchive warns of, such as a pax header
  // that it can't read, would go missing without a word.
  const char* warning = ::archive_error_string(archive_);
  if (status == ARCHIVE_WARN) {
    if (warning == nullptr) throw Error(cat("behind entry \"", printable(path_), "\": malformed header"));
    if (std::strstr(warning, "can't be converted") == nullptr) fail("");
  } else if (warning != nullptr && std::string_view(warning).starts_with("Parse error")) {
    fail("");  // an ACL: it is said, but the status is that all is well
  }
  any_ = true;
  const char* path = ::archive_entry_pathname(raw);
  if (path == nullptr) path = ::archive_entry_pathname_utf8(raw);
  if (path == nullptr) fail("an entry has no name: ");
  path_ = path;
  entry = Entry();
  entry.path = path;
  with_context([&] { return cat("entry \"", printable(path_), "\""); }, [&] { read_attributes(raw, entry); });
  limit_ = UINT64_MAX;
  return true;
}

void ArchiveReader::read_attributes(archive_entry* raw, Entry& entry) {
  using Type = Entry::Type;
  if (const char* target = ::archive_entry_hardlink(raw); target != nullptr) {
    entry.type = Type::hardlink;
    entry.target = target;
  } else {
    switch (::archive_entry_filetype(raw)) {
      case AE_IFREG: entry.type = Type::file; break;
      case AE_IFDIR: entry.type = Type::directory; break;
      case AE_IFLNK: entry.type = Type::symlink; break;
      case AE_IFCHR: entry.type = Type::character; break;
      case AE_IFBLK: entry.type = Type::block; break;
      case AE_IFIFO: entry.type = Type::fifo; break;
      case AE_IFSOCK: entry.type = Type::socket; break;
      case 0: throw Error("is a hard link without a target");
      default: throw Error(cat("is of a type that no file system has: ", ::archive_entry_filetype(raw)));
    }
  }
  if (entry.type == Type::symlink) {
    const char* target = ::archive_entry_symlink(raw);
    if (target == nullptr || *target == '\0') throw Error("is a symbolic link without a target");
    entry.target = target;
  }
  if (::archive_entry_size_is_set(raw) != 0) {
    const auto size = ::archive_entry_size(raw);
    if (size < 0) throw Error(cat("its size is ", size));
    entry.size = static_cast<std::uint64_t>(size);
  }
  auto& attributes = entry.attributes;
  attributes.mode = ::archive_entry_perm(raw) & 07777;
  attributes.uid = checked_id(::archive_entry_uid(raw), "uid");
  attributes.gid = checked_id(::archive_entry_gid(raw), "gid");
  if (::archive_entry_mtime_is_set(raw) != 0) {
    attributes.mtime = {::archive_entry_mtime(raw), ::archive_entry_mtime_nsec(raw)};
    if (attributes.mtime.tv_nsec < 0 || attributes.mtime.tv_nsec > 999'999'999) attributes.mtime.tv_nsec = 0;
  }
  if (entry.type == Type::character || entry.type == Type::block) {
    entry.device = makedev(::archive_entry_rdevmajor(raw), ::archive_entry_rdevminor(raw));
  }
  if (::archive_entry_xattr_reset(raw) != 0) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (::archive_entry_xattr_next(raw, &name, &value, &size) == ARCHIVE_OK) {
      if (name != nullptr)
        attributes.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
    }
  }
  decode_xattr_names(attributes.xattrs);
  entry.lost_acls = append_acls(raw, attributes.xattrs);
}

bool ArchiveReader::data(Chunk& chunk) {
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = ::archive_read_data_block(archive_, &data, &size, &offset);
    if (status == ARCHIVE_EOF) return false;
    if (status < ARCHIVE_WARN) {
      if (thrown_) std::rethrow_exception(thrown_);
      const char* text = ::archive_error_string(archive_);
      throw Error(cat(text != nullptr ? text : "damaged or cut short", " (at byte ",
                      ::archive_filter_bytes(archive_, 0), " of the archive)"));
    }
    if (size == 0) continue;
    if (offset < 0) throw Error("a part of it is at a negative offset");
    chunk.size = size;
    chunk.offset = static_cast<std::uint64_t>(offset);
    if (current_ && current_->holds(data)) {
      // Each new reference is a write to what the other threads look at.
      if (chunk.block != current_) chunk.block = current_;
      chunk.data = static_cast<const char*>(data);
    } else {
      // libarchive had to put it together in a buffer of its own, which the next call uses again.
      auto copy = Block::make(size);
      copy->size = size;
      std::memcpy(copy->memory, data, size);
      chunk.data = copy->memory;
      chunk.block = std::move(copy);
    }
    return true;
  }
}

void ArchiveReader::check_end() {
  if (!any_ && allow_empty_) return;
  if (!any_) {
    // A block of zeros is an empty tar to libarchive; images of file systems begin with one.
    if (head_.find_first_not_of('\0') != std::string::npos && !describe_content(head_).empty()) refuse();
    throw Error("has no entries").hint("an image needs at least one file");
  }
  if (allow_missing_end_ || format() != "tar") return;
  // libarchive takes the end of the stream for the end of the archive. A tar ends in blocks of zeros: when
  // the stream ends without one, it was cut between two entries. Where something is left, libarchive has seen
  // the marker.
  if (static_cast<std::uint64_t>(::archive_filter_bytes(archive_, 0)) < stream_.size() || stream_.next())
    return;
  if (tail_.find_first_not_of('\0') != std::string::npos) {
    throw Error(cat("ends behind entry \"", printable(path_),
                    "\" without the marker that closes a tar: it was cut short"))
        .hint("if it was made that way, give --no-end-marker");
  }
}

std::string ArchiveReader::format() const {
  const int format = ::archive_format(archive_) & ARCHIVE_FORMAT_BASE_MASK;
  return format == ARCHIVE_FORMAT_CPIO ? "cpio" : "tar";
}

}  // namespace rocker
