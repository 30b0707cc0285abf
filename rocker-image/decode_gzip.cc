// gzip, of one member or many. libarchive's own filter does not look at the checksum; both decoders here do.
// ISA-L's is used where it is installed: it takes a third of zlib's time.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "rocker-image/decode.hh"
#include "rocker-image/isal.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// One gzip member, piece by piece.
class Inflater {
 public:
  // What is left of the input, and of the room for output; both move on.
  struct Buffers {
    const unsigned char* in = nullptr;
    std::size_t in_left = 0;
    unsigned char* out = nullptr;
    std::size_t out_left = 0;
  };
  virtual ~Inflater() = default;
  virtual bool step(Buffers& buffers) = 0;  // true at the member's end; throws Error without a place
  virtual void reset() = 0;
};

class ZlibInflater : public Inflater {
 public:
  ZlibInflater() {
    // 15 bits of window, 16: with a gzip header.
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibInflater() override { ::inflateEnd(&stream_); }
  void reset() override { ::inflateReset(&stream_); }
  bool step(Buffers& b) override {
    stream_.next_in = const_cast<unsigned char*>(b.in);
    stream_.avail_in = static_cast<unsigned>(b.in_left);
    stream_.next_out = b.out;
    stream_.avail_out = static_cast<unsigned>(b.out_left);
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    b = {stream_.next_in, stream_.avail_in, stream_.next_out, stream_.avail_out};
    if (status == Z_STREAM_END) return true;
    if (status == Z_OK || status == Z_BUF_ERROR) return false;
    throw Error(stream_.msg != nullptr ? stream_.msg : "bad data");
  }

 private:
  z_stream stream_{};
};

class IsalInflater : public Inflater {
 public:
  explicit IsalInflater(const Isal& isal) : isal_(isal), state_(isal.make()) {}
  ~IsalInflater() override { Isal::free(state_); }
  void reset() override { isal_.reset(state_); }
  bool step(Buffers& b) override { return isal_.step(state_, b.in, b.in_left, b.out, b.out_left); }

 private:
  const Isal& isal_;
  Isal::State* state_;
};

constexpr std::size_t fixed_header = 10;          // RFC 1952, section 2.3
constexpr unsigned char has_header_checksum = 2;  // FHCRC, of the flags in byte 3

class GzipDecoder : public Source {
 public:
  explicit GzipDecoder(DecoderInput input) : input_(std::move(input)) {}

  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t wanted = std::min<std::size_t>(size, 1U << 30);
    buffers_.out = reinterpret_cast<unsigned char*>(buffer);
    buffers_.out_left = wanted;
    while (buffers_.out_left == wanted && !ended_) {
      if (between_members_) {
        next_member();
        continue;
      }
      if (inflater_ == nullptr) begin_member();
      // What it holds back comes first: it may need no more input.
      const std::size_t in_before = buffers_.in_left;
      between_members_ = step();
      if (between_members_ || buffers_.out_left != wanted) continue;
      if (buffers_.in_left != 0 && buffers_.in_left == in_before) throw input_.error("damaged gzip stream");
      if (!fill()) throw input_.error("the gzip stream is cut short");
    }
    return wanted - buffers_.out_left;
  }

 private:
  bool step() {
    try {
      return inflater_->step(buffers_);
    } catch (const Error& error) {
      throw input_.error(cat("damaged gzip stream: ", error.message()));
    }
  }

  bool fill() {
    if (buffers_.in_left != 0) return true;
    buffers_.in = reinterpret_cast<unsigned char*>(buffer_.data());
    buffers_.in_left = input_.source.read(buffer_.data(), buffer_.size());
    return buffers_.in_left != 0;
  }

  // ISA-L gets the checksum of a header wrong that does not come in one piece, and hardly any has one.
  void begin_member() {
    while (buffers_.in_left < fixed_header) {
      std::memmove(buffer_.data(), buffers_.in, buffers_.in_left);
      buffers_.in = reinterpret_cast<unsigned char*>(buffer_.data());
      const std::size_t got =
          input_.source.read(buffer_.data() + buffers_.in_left, buffer_.size() - buffers_.in_left);
      if (got == 0) break;
      buffers_.in_left += got;
    }
    const Isal* isal = Isal::load();
    const bool by_zlib =
        isal == nullptr || (buffers_.in_left >= fixed_header && (buffers_.in[3] & has_header_checksum) != 0);
    auto& wanted = by_zlib ? zlib_ : isal_;
    if (wanted != nullptr) {
      wanted->reset();
    } else if (by_zlib) {
      wanted = std::make_unique<ZlibInflater>();
    } else {
      wanted = std::make_unique<IsalInflater>(*isal);
    }
    inflater_ = wanted.get();
  }

  // Behind a member: another one, zeros (a tape's padding), or the end.
  void next_member() {
    while (fill() && *buffers_.in == 0) ++buffers_.in, --buffers_.in_left, padded_ = true;
    if (buffers_.in_left == 0) {
      ended_ = true;
      return;
    }
    if (padded_ || *buffers_.in != 0x1f) throw input_.error("garbage behind the end of the gzip stream");
    inflater_ = nullptr;
    between_members_ = false;
  }

  DecoderInput input_;
  std::unique_ptr<Inflater> isal_, zlib_;
  Inflater* inflater_ = nullptr;  // of the member; null where one begins
  std::array<char, std::size_t{64} << 10> buffer_;
  Inflater::Buffers buffers_{reinterpret_cast<unsigned char*>(buffer_.data()), 0, nullptr, 0};
  bool between_members_ = false, padded_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Source> make_gzip_decoder(DecoderInput input) {
  return std::make_unique<GzipDecoder>(std::move(input));
}

}  // namespace rocker
