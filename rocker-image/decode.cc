#include "rocker-image/decode.hh"

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr std::size_t head_size = 4096;
constexpr std::size_t most_layers = 4;

struct Compression {
  std::string_view name;
  std::unique_ptr<Source> (*make)(DecoderInput);
};

// An lzma file has no magic number: properties (0x5d is what every encoder writes), the size of the
// dictionary, which is a power of two or the sum of two, and the size of the content, all ones when it is not
// known.
bool is_lzma(std::string_view head) {
  if (head.size() < 14 || head[0] != 0x5d) return false;
  std::uint32_t dictionary = 0;
  for (int i = 4; i >= 1; --i)
    dictionary = dictionary << 8 | static_cast<unsigned char>(head[static_cast<std::size_t>(i)]);
  if (dictionary < 4096) return false;
  const std::uint32_t rest = dictionary & (dictionary - 1);
  if (rest != 0 && (rest & (rest - 1)) != 0) return false;
  // The first byte of a range coder's stream is zero.
  return head[13] == 0 && (head.substr(5, 8) == std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff", 8) ||
                           head.substr(10, 3) == std::string_view("\0\0\0", 3));
}

// A tar begins with a file's name, which can be any magic number; its checksum is what no compressed stream
// has at that place.
bool is_tar(std::string_view head) {
  if (head.size() < 512) return false;
  unsigned long long sum = 0, found = 0;
  for (std::size_t i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(head[i]);
  const auto field = trim(head.substr(148, std::min<std::size_t>(8, head.substr(148).find('\0'))));
  return parse_number(field, found, 8) && found == sum;
}

// Behind the magic number the version, and the size of the dictionary: a power of two, 4 KiB to 512 MiB, of
// which up to seven sixteenths are taken away.
bool is_lzip(std::string_view head) {
  if (!head.starts_with("LZIP") || head.size() < 6 || (head[4] != 0 && head[4] != 1)) return false;
  const auto power = static_cast<unsigned char>(head[5]) & 0x1f;
  return power >= 12 && power <= 29;
}

// compress(1): two bits that are not in use, and codes of 9 to 16 bits.
bool is_compress(std::string_view head) {
  if (!head.starts_with("\x1f\x9d") || head.size() < 3 || (head[2] & 0x60) != 0) return false;
  const int bits = head[2] & 0x1f;
  return bits >= 9 && bits <= 16;
}

Compression recognise(std::string_view head) {
  using namespace std::string_view_literals;
  if (is_tar(head)) return {"", nullptr};
  if (head.starts_with("\x1f\x8b\x08"sv)) return {"gzip", make_gzip_decoder};
  if (head.starts_with("\xfd"sv
                       "7zXZ\0"sv))
    return {"xz", make_xz_decoder};
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return {"zstd", make_zstd_decoder};
  if (head.starts_with("BZh"sv) && head.size() > 9 && head[3] >= '1' && head[3] <= '9' &&
      (head.substr(4, 6) == "1AY&SY"sv || head.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"sv)) {
    return {"bzip2", make_archive_filter};
  }
  if (head.starts_with("\x04\x22\x4d\x18"sv) || head.starts_with("\x02\x21\x4c\x18"sv)) {
    return {"lz4", make_archive_filter};
  }
  // A skippable frame: zstd and lz4 have the same; what is behind it decides.
  if (head.size() > 8 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18"sv) {
    return {"zstd", make_zstd_decoder};
  }
  if (is_lzip(head)) return {"lzip", make_archive_filter};
  if (is_compress(head)) return {"compress", make_archive_filter};
  if (is_lzma(head)) return {"lzma", make_archive_filter};
  return {"", nullptr};
}

}  // namespace

Error DecoderInput::error(std::string_view what) const {
  return Error(cat(what, " (near byte ", file.position(), " of the input)"));
}

Decoded::Decoded(FileSource& file) {
  Source* source = &file;
  for (;;) {
    std::string head(head_size, '\0');
    head.resize(read_fully(*source, head.data(), head.size()));
    const Compression found = recognise(head);
    chain_.push_back(std::make_unique<PrependedSource>(std::move(head), *source));
    source = chain_.back().get();
    if (found.make == nullptr) return;
    if (compressions_.size() == most_layers) {
      throw Error(cat("compressed more than ", most_layers, " times over"));
    }
    compressions_.emplace_back(found.name);
    chain_.push_back(found.make({*source, std::string(found.name), file}));
    source = chain_.back().get();
  }
}

std::size_t Decoded::read(char* buffer, std::size_t size) {
  return chain_.back()->read(buffer, size);
}

}  // namespace rocker
