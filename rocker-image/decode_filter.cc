// The rarer compressions, by libarchive's filters.
#include <archive.h>
#include <archive_entry.h>

#include <exception>
#include <vector>

#include "rocker-image/decode.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

class ArchiveFilter : public Source {
 public:
  explicit ArchiveFilter(DecoderInput input) : input_(std::move(input)), archive_(::archive_read_new()) {
    if (archive_ == nullptr) throw std::bad_alloc();
    ::archive_read_support_filter_bzip2(archive_);
    ::archive_read_support_filter_lz4(archive_);
    ::archive_read_support_filter_lzma(archive_);
    ::archive_read_support_filter_lzip(archive_);
    ::archive_read_support_filter_compress(archive_);
    ::archive_read_support_format_raw(archive_);
  }
  ~ArchiveFilter() override { ::archive_read_free(archive_); }

  std::size_t read(char* buffer, std::size_t size) override {
    if (!opened_) open();
    const la_ssize_t got = ::archive_read_data(archive_, buffer, size);
    if (got < 0) fail();
    return static_cast<std::size_t>(got);
  }

 private:
  void open() {
    opened_ = true;
    if (::archive_read_open(archive_, this, nullptr, pull, nullptr) != ARCHIVE_OK) fail();
    archive_entry* entry = nullptr;
    if (::archive_read_next_header(archive_, &entry) != ARCHIVE_OK) fail();
    // What libarchive does not know for a compressed stream it would hand on as it is.
    if (::archive_filter_code(archive_, 0) == ARCHIVE_FILTER_NONE)
      throw input_.error(cat("damaged ", input_.compression, " stream: its header makes no sense"));
  }

  static la_ssize_t pull(archive*, void* self, const void** data) {
    auto& filter = *static_cast<ArchiveFilter*>(self);
    // An exception must not pass through C.
    try {
      *data = filter.buffer_.data();
      return static_cast<la_ssize_t>(filter.input_.source.read(filter.buffer_.data(), filter.buffer_.size()));
    } catch (...) {
      filter.thrown_ = std::current_exception();
      return -1;
    }
  }

  [[noreturn]] void fail() {
    if (thrown_) std::rethrow_exception(thrown_);
    const char* text = ::archive_error_string(archive_);
    throw input_.error(
        cat("damaged ", input_.compression, " stream: ", text != nullptr ? text : "unknown error"));
  }

  DecoderInput input_;
  archive* archive_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{64} << 10);
  std::exception_ptr thrown_;
  bool opened_ = false;
};

}  // namespace

std::unique_ptr<Source> make_archive_filter(DecoderInput input) {
  return std::make_unique<ArchiveFilter>(std::move(input));
}

}  // namespace rocker
