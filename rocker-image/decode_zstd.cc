// zstd: frames, one behind the other, and skippable ones between them.
#include <zstd.h>

#include <vector>

#include "rocker-image/decode.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// `zstd --long=30`; libzstd's own limit is 27 unless it is asked.
constexpr int most_window_log = 30;

class ZstdDecoder : public Source {
 public:
  explicit ZstdDecoder(DecoderInput input) : input_(std::move(input)), context_(::ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, most_window_log);
  }
  ~ZstdDecoder() override { ::ZSTD_freeDCtx(context_); }

  std::size_t read(char* buffer, std::size_t size) override {
    ZSTD_outBuffer out{buffer, size, 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !flushing_) {
        in_ = {buffer_.data(), input_.source.read(buffer_.data(), buffer_.size()), 0};
        if (in_.size == 0) {
          if (in_frame_) throw input_.error("the zstd stream is cut short");
          break;
        }
      }
      const std::size_t left = ::ZSTD_decompressStream(context_, &out, &in_);
      if (::ZSTD_isError(left) != 0) {
        throw input_.error(cat("damaged zstd stream: ", ::ZSTD_getErrorName(left)));
      }
      in_frame_ = left != 0;
      // It may hold back what did not fit.
      flushing_ = in_frame_ && out.pos == out.size;
    }
    return out.pos;
  }

 private:
  DecoderInput input_;
  ZSTD_DCtx* context_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{128} << 10);
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool in_frame_ = false, flushing_ = false;
};

}  // namespace

std::unique_ptr<Source> make_zstd_decoder(DecoderInput input) {
  return std::make_unique<ZstdDecoder>(std::move(input));
}

}  // namespace rocker
