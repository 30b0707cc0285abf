// The low-level calls are deprecated in OpenSSL 3 in favour of EVP, which looks for providers and reads
// openssl.cnf first: a millisecond for every start. The code that hashes is the same.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "rocker-image/hash.hh"

#include <openssl/sha.h>

#include <algorithm>

namespace rocker {

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  ::SHA256_Init(&state_->context);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t size) {
  ::SHA256_Update(&state_->context, data, size);
}

void Sha256::update_zeros(std::uint64_t count) {
  static constexpr char zeros[65536] = {};
  while (count != 0) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, sizeof zeros));
    update(zeros, step);
    count -= step;
  }
}

Sha256::Digest Sha256::finish() {
  Digest digest;
  ::SHA256_Final(digest.data(), &state_->context);
  ::SHA256_Init(&state_->context);
  return digest;
}

void Sha256::append_hex(std::string& out, const Digest& digest) {
  char digits[2 * sizeof digest];
  char* to = digits;
  for (const unsigned char byte : digest) {
    *to++ = "0123456789abcdef"[byte >> 4];
    *to++ = "0123456789abcdef"[byte & 15];
  }
  out.append(digits, sizeof digits);
}

std::string Sha256::hex(const Digest& digest) {
  std::string out;
  append_hex(out, digest);
  return out;
}

bool Sha256::parse(std::string_view text, Digest& digest) {
  return text.starts_with("sha256:") && parse_hex(text.substr(7), digest);
}

bool Sha256::parse_hex(std::string_view text, Digest& digest) {
  if (text.size() != 64) return false;
  for (std::size_t i = 0; i < 64; ++i) {
    const char c = text[i];
    const int nibble = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (nibble < 0) return false;
    auto& byte = digest[i / 2];
    byte = static_cast<unsigned char>(i % 2 == 0 ? nibble << 4 : byte | nibble);
  }
  return true;
}

}  // namespace rocker
