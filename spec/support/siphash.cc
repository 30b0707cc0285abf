#include "spec/support/siphash.hh"

#include <algorithm>

namespace rocker {

namespace {

class SipHash13 {
 public:
  static std::uint64_t of(std::string_view data) {
    SipHash13 h;
    std::size_t at = 0;
    for (; at + 8 <= data.size(); at += 8) h.absorb(word(data.substr(at, 8)));
    h.absorb(word(data.substr(at)) | static_cast<std::uint64_t>(data.size() & 0xff) << 56);
    h.v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i) h.round();
    return h.v0_ ^ h.v1_ ^ h.v2_ ^ h.v3_;
  }

 private:
  static std::uint64_t word(std::string_view bytes) {
    std::uint64_t w = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      w |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    return w;
  }
  static std::uint64_t rotate(std::uint64_t x, int bits) { return x << bits | x >> (64 - bits); }
  void absorb(std::uint64_t m) {
    v3_ ^= m;
    round();
    v0_ ^= m;
  }
  void round() {
    v0_ += v1_, v1_ = rotate(v1_, 13) ^ v0_, v0_ = rotate(v0_, 32);
    v2_ += v3_, v3_ = rotate(v3_, 16) ^ v2_;
    v0_ += v3_, v3_ = rotate(v3_, 21) ^ v0_;
    v2_ += v1_, v1_ = rotate(v1_, 17) ^ v2_, v2_ = rotate(v2_, 32);
  }
  std::uint64_t v0_ = 0x736f6d6570736575, v1_ = 0x646f72616e646f6d;
  std::uint64_t v2_ = 0x6c7967656e657261, v3_ = 0x7465646279746573;
};

}  // namespace

std::uint64_t sip_hash_13(std::string_view data) {
  return SipHash13::of(data);
}

std::string hexadecimal(std::uint64_t number, std::size_t digits) {
  std::string out;
  while (number != 0 || out.size() < digits) {
    out += "0123456789abcdef"[number & 15];
    number >>= 4;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace rocker
