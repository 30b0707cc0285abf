#include "spec/support/str.hh"

#include <charconv>

#include "spec/support/utf8.hh"

namespace rocker {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string printable(std::string_view text, std::size_t most) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const std::size_t step = length == 0 ? 1 : length;
    if (at + step > most) return out + "...";
    const auto first = static_cast<unsigned char>(text[at]);
    const bool c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
    if (length == 0 || c1 || first < 0x20 || first == 0x7f) {
      for (const char c : text.substr(at, step)) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      }
    } else {
      out += text.substr(at, step);
    }
    at += step;
  }
  return out;
}

template <typename T>
static bool parse_whole(std::string_view text, T& out, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_number(std::string_view text, long long& out, int base) {
  return parse_whole(text, out, base);
}
bool parse_number(std::string_view text, unsigned long long& out, int base) {
  return parse_whole(text, out, base);
}

}  // namespace rocker
