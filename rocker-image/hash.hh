#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rocker {

// SHA-256 with the processor's own instructions where it has them (libcrypto).
class Sha256 {
 public:
  using Digest = std::array<unsigned char, 32>;

  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(const void* data, std::size_t size);
  void update_zeros(std::uint64_t count);  // what a hole in a file reads as
  Digest finish();                         // and begins anew

  static void append_hex(std::string& out, const Digest& digest);
  static std::string hex(const Digest& digest);
  static std::string text(const Digest& digest) { return "sha256:" + hex(digest); }
  // "sha256:" and 64 lower-case hexadecimal digits; false for any other text.
  static bool parse(std::string_view text, Digest& digest);
  static bool parse_hex(std::string_view text, Digest& digest);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rocker
