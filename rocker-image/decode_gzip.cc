// gzip, of one member or many. libarchive's own filter does not look at the checksum; zlib does.
#include <zlib.h>

#include <algorithm>
#include <array>

#include "rocker-image/decode.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

class GzipDecoder : public Source {
 public:
  explicit GzipDecoder(DecoderInput input) : input_(std::move(input)) {
    // 15 bits of window, 16: with a gzip header.
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { ::inflateEnd(&stream_); }

  std::size_t read(char* buffer, std::size_t size) override {
    stream_.next_out = reinterpret_cast<unsigned char*>(buffer);
    stream_.avail_out = static_cast<unsigned>(std::min<std::size_t>(size, 1U << 30));
    const unsigned wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && !ended_) {
      if (between_members_) {
        if (!next_member()) break;
        continue;
      }
      if (!fill()) throw input_.error("the gzip stream is cut short");
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        throw input_.error(cat("damaged gzip stream: ", stream_.msg != nullptr ? stream_.msg : "bad data"));
      }
    }
    return wanted - stream_.avail_out;
  }

 private:
  bool fill() {
    if (stream_.avail_in != 0) return true;
    stream_.next_in = reinterpret_cast<unsigned char*>(buffer_.data());
    stream_.avail_in = static_cast<unsigned>(input_.source.read(buffer_.data(), buffer_.size()));
    return stream_.avail_in != 0;
  }

  // Behind a member: another one, zeros (a tape's padding), or the end.
  bool next_member() {
    while (fill() && *stream_.next_in == 0) ++stream_.next_in, --stream_.avail_in, padded_ = true;
    if (stream_.avail_in == 0) {
      ended_ = true;
      return false;
    }
    if (padded_ || *stream_.next_in != 0x1f) throw input_.error("garbage behind the end of the gzip stream");
    ::inflateReset(&stream_);
    between_members_ = false;
    return true;
  }

  DecoderInput input_;
  z_stream stream_{};
  std::array<char, std::size_t{64} << 10> buffer_;
  bool between_members_ = false, padded_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Source> make_gzip_decoder(DecoderInput input) {
  return std::make_unique<GzipDecoder>(std::move(input));
}

}  // namespace rocker
