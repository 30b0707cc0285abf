#include "spec/support/utf8.hh"

#include <algorithm>

namespace rocker {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned char first = byte(0), second = byte(1);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(1)) return 0;
  if (first < 0xe0) return 2;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if (first < 0xf0) return continues(2) ? 3 : 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return continues(2) && continues(3) ? 4 : 0;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string terminal_json(std::string_view json_text) {
  // Most are plain.
  if (std::none_of(json_text.begin(), json_text.end(),
                   [](char c) { return static_cast<unsigned char>(c) >= 0x7f; })) {
    return std::string(json_text);
  }
  constexpr char digits[] = "0123456789abcdef";
  const std::string valid = valid_utf8(json_text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t i = 0; i < valid.size(); ++i) {
    auto code = static_cast<unsigned char>(valid[i]);
    // C1: U+0080 to U+009F.
    const bool c1 = code == 0xc2 && static_cast<unsigned char>(valid[i + 1]) < 0xa0;
    if (c1) code = static_cast<unsigned char>(valid[++i]);
    if (c1 || code == 0x7f) {
      out += {'\\', 'u', '0', '0', digits[code >> 4], digits[code & 15]};
    } else {
      out += valid[i];
    }
  }
  return out;
}

}  // namespace rocker
