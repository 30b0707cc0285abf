// xz by liblzma, on as many threads as there are processors when the stream has several blocks.
#include <lzma.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "rocker-image/decode.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// What a block may ask for, and what all threads together: beyond the second it goes on with one thread.
constexpr std::uint64_t most_memory = std::uint64_t{2} << 30;
constexpr std::uint64_t most_threading_memory = std::uint64_t{256} << 20;

class XzDecoder : public Source {
 public:
  explicit XzDecoder(DecoderInput input) : input_(std::move(input)) {
    lzma_mt options{};
    // Every check is verified, and streams that follow each other are one, as for xz(1).
    options.flags = LZMA_CONCATENATED;
    options.threads = static_cast<std::uint32_t>(std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, 8L));
    options.memlimit_threading = most_threading_memory;
    options.memlimit_stop = most_memory;
    if (::lzma_stream_decoder_mt(&stream_, &options) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzDecoder() override { ::lzma_end(&stream_); }

  std::size_t read(char* buffer, std::size_t size) override {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer);
    stream_.avail_out = size;
    while (stream_.avail_out == size && !ended_) {
      if (stream_.avail_in == 0 && !finishing_) {
        stream_.next_in = reinterpret_cast<std::uint8_t*>(buffer_.data());
        stream_.avail_in = input_.source.read(buffer_.data(), buffer_.size());
        finishing_ = stream_.avail_in == 0;
      }
      switch (::lzma_code(&stream_, finishing_ ? LZMA_FINISH : LZMA_RUN)) {
        case LZMA_OK: break;
        case LZMA_STREAM_END: ended_ = true; break;
        case LZMA_BUF_ERROR: throw input_.error("the xz stream is cut short");
        case LZMA_FORMAT_ERROR: throw input_.error("garbage behind the end of the xz stream");
        case LZMA_MEMLIMIT_ERROR:
          throw input_.error(cat("the xz stream asks for more than ", most_memory >> 20, " MiB of memory"));
        case LZMA_MEM_ERROR: throw std::bad_alloc();
        case LZMA_OPTIONS_ERROR: throw input_.error("the xz stream has options that liblzma does not know");
        default: throw input_.error("damaged xz stream");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  DecoderInput input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::array<char, std::size_t{64} << 10> buffer_;
  bool finishing_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Source> make_xz_decoder(DecoderInput input) {
  return std::make_unique<XzDecoder>(std::move(input));
}

}  // namespace rocker
