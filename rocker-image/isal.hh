#pragma once

#include <cstddef>

struct inflate_state;

namespace rocker {

// Intel's ISA-L (libisal2), loaded when the first gzip stream is met and only if it is installed.
class Isal {
 public:
  using State = inflate_state;

  // Null when it is not there.
  static const Isal* load();

  State* make() const;
  static void free(State* state);
  void reset(State* state) const;
  // Decodes what fits of one gzip member; true at its end, whose checksum was right then. Throws Error.
  bool step(State* state, const unsigned char*& in, std::size_t& in_left, unsigned char*& out,
            std::size_t& out_left) const;

 private:
  Isal() = default;
  void (*init_)(State*) = nullptr;
  void (*reset_)(State*) = nullptr;
  int (*inflate_)(State*) = nullptr;
};

}  // namespace rocker
