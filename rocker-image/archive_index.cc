#include "rocker-image/archive_index.hh"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <vector>

#include "rocker-image/archive.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/source.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr int most_links = 16;
// A layout has some dozens of members; a root file system that begins like one can have any number.
constexpr std::size_t most_memory = std::size_t{16} << 20;
constexpr std::size_t member_overhead = 160;  // of a node of the table and its bucket
constexpr std::size_t block_size = std::size_t{64} << 10;

std::string clean(std::string_view path) {
  return join(safe_components(path), "/");
}

// What a relative link in `from` leads to.
std::string resolve_link(const std::string& from, const std::string& target) {
  if (target.starts_with('/')) return clean(target);
  const auto slash = from.rfind('/');
  return clean(cat(slash == std::string::npos ? std::string() : from.substr(0, slash + 1), target));
}

// The headers of a tar in a file that can seek, with the limit that ArchiveReader has.
class HeaderReader {
 public:
  HeaderReader(int fd, const Cancel* cancel) : fd_(fd), cancel_(cancel), archive_(::archive_read_new()) {
    struct stat st {};
    if (::fstat(fd, &st) < 0) throw system_error("stat");
    size_ = st.st_size;
    if (!archive_) throw std::bad_alloc();
    ::archive_read_support_filter_none(archive_.get());
    ::archive_read_support_format_tar(archive_.get());
    ::archive_read_set_callback_data(archive_.get(), this);
    ::archive_read_set_read_callback(archive_.get(), read);
    ::archive_read_set_skip_callback(archive_.get(), skip);
    if (::archive_read_open1(archive_.get()) != ARCHIVE_OK) fail();
  }

  // Null at the end.
  archive_entry* next() {
    if (any_ && ::archive_read_data_skip(archive_.get()) != ARCHIVE_OK) fail();
    any_ = true;
    read_ = 0;
    archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(archive_.get(), &entry);
    if (status == ARCHIVE_EOF) return nullptr;
    if (status < ARCHIVE_WARN) fail();
    read_ = 0;
    return entry;
  }

  std::uint64_t position() const {
    return static_cast<std::uint64_t>(::archive_filter_bytes(archive_.get(), 0));
  }

 private:
  struct Free {
    void operator()(archive* a) const { ::archive_read_free(a); }
  };

  [[noreturn]] void fail() {
    if (thrown_) std::rethrow_exception(thrown_);
    const char* text = ::archive_error_string(archive_.get());
    throw Error(text != nullptr ? text : "is not a tar archive");
  }

  void check_cancel() const {
    if (cancel_ != nullptr) cancel_->throw_if_set();
  }

  // An exception must not pass through C.
  template <typename Fn>
  la_int64_t guarded(Fn fn) {
    try {
      check_cancel();
      return fn();
    } catch (...) {
      thrown_ = std::current_exception();
      return ARCHIVE_FATAL;
    }
  }

  static la_ssize_t read(archive*, void* self, const void** data) {
    auto& reader = *static_cast<HeaderReader*>(self);
    return reader.guarded([&]() -> la_int64_t {
      if (reader.read_ > most_header) throw header_too_large();
      *data = reader.buffer_.data();
      for (;;) {
        const ssize_t got = ::pread(reader.fd_, reader.buffer_.data(), reader.buffer_.size(), reader.at_);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw system_error("read");
        reader.at_ += got;
        reader.read_ += static_cast<std::uint64_t>(got);
        return got;
      }
    });
  }

  // Fewer than wanted at the end of the file: libarchive reads on and finds that it was cut.
  static la_int64_t skip(archive*, void* self, la_int64_t wanted) {
    auto& reader = *static_cast<HeaderReader*>(self);
    return reader.guarded([&] {
      const la_int64_t step = std::max<la_int64_t>(0, std::min(wanted, reader.size_ - reader.at_));
      reader.at_ += step;
      return step;
    });
  }

  int fd_;
  const Cancel* cancel_;
  std::unique_ptr<archive, Free> archive_;
  std::vector<char> buffer_ = std::vector<char>(block_size);
  std::exception_ptr thrown_;
  off_t at_ = 0, size_ = 0;
  std::uint64_t read_ = 0;  // since the content of the last entry
  bool any_ = false;
};

}  // namespace

ArchiveIndex::ArchiveIndex(int fd, const Cancel* cancel) {
  HeaderReader reader(fd, cancel);
  std::size_t memory = 0;
  while (archive_entry* entry = reader.next()) {
    const char* name = ::archive_entry_pathname(entry);
    if (name == nullptr) throw Error("an entry has no name");
    const std::string path = clean(name);
    Member member;
    if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
      member.link = clean(target);
      // A name that was given to tar twice: the file is there already.
      if (member.link == path) continue;
    } else if (::archive_entry_filetype(entry) == AE_IFLNK) {
      const char* link = ::archive_entry_symlink(entry);
      if (link == nullptr) throw Error(cat("entry \"", printable(path), "\": is a link without a target"));
      member.link = resolve_link(path, link);
    } else if (::archive_entry_filetype(entry) == AE_IFREG) {
      complete_ = ::archive_entry_sparse_count(entry) == 0;
      member.range = {reader.position(), static_cast<std::uint64_t>(::archive_entry_size(entry))};
    } else {
      continue;
    }
    memory += member_overhead + path.size() + member.link.size();
    if (!complete_ || memory > most_memory) {
      complete_ = false;
      members_.clear();
      return;
    }
    members_[path] = std::move(member);
  }
}

std::optional<ArchiveIndex::Range> ArchiveIndex::find(const std::string& path) const {
  std::string wanted = clean(path);
  for (int links = 0; links <= most_links; ++links) {
    const auto found = members_.find(wanted);
    if (found == members_.end()) return std::nullopt;
    if (found->second.link.empty()) return found->second.range;
    wanted = found->second.link;
  }
  throw Error(cat("\"", printable(path), "\": its links lead in a circle"), ELOOP);
}

}  // namespace rocker
