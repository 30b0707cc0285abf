#include "rocker-image/xattr_names.hh"

#include "spec/support/str.hh"

namespace rocker {

namespace {

// Only what a writer has to encode: any other "%41" is a part of the name, as Go's tar writes it.
std::string decoded(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    unsigned long long byte = 0;
    if (name[i] == '%' && i + 2 < name.size() && parse_number(name.substr(i + 1, 2), byte, 16) &&
        (byte < 0x21 || byte > 0x7e || byte == '%' || byte == '=') && byte != 0) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += name[i];
    }
  }
  return out;
}

}  // namespace

void decode_xattr_names(std::vector<std::pair<std::string, std::string>>& xattrs) {
  decltype(xattrs.begin()) to = xattrs.begin();
  for (auto from = xattrs.begin(); from != xattrs.end(); ++from, ++to) {
    std::string name = decoded(from->first);
    // The two of a pair are neighbours; libarchive has decoded the name of the one.
    if (const auto next = std::next(from); next != xattrs.end() && next->second == from->second) {
      if (next->first == name) {
        ++from;
      } else if (std::string other = decoded(next->first); other == from->first) {
        name = std::move(other);
        ++from;
      }
    }
    std::string value = std::move(from->second);
    *to = {std::move(name), std::move(value)};
  }
  xattrs.erase(to, xattrs.end());
}

}  // namespace rocker
