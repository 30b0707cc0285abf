#include "spec/image.hh"

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker::spec {

namespace {

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

// path-component := [a-z0-9]+ ((\.|_|__|-+) [a-z0-9]+)*
bool is_path_component(std::string_view part) {
  std::size_t at = 0;
  const auto run = [&] {
    const std::size_t start = at;
    while (at < part.size() && is_lower_or_digit(part[at])) ++at;
    return at > start;
  };
  if (!run()) return false;
  while (at < part.size()) {
    if (part[at] == '-') {
      while (at < part.size() && part[at] == '-') ++at;
    } else if (part[at] == '.') {
      ++at;
    } else if (part[at] == '_') {
      ++at;
      if (at < part.size() && part[at] == '_') ++at;
    } else {
      return false;
    }
    if (!run()) return false;
  }
  return true;
}

// host := a DNS name, an IPv4 address, or an IPv6 address in brackets; then perhaps ":PORT".
bool is_host(std::string_view part) {
  if (part.starts_with('[')) {
    const auto end = part.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    for (const char c : part.substr(1, end - 1)) {
      if (!is_alphanumeric(c) && c != ':') return false;
    }
    part.remove_prefix(end + 1);
    if (part.empty()) return true;
    if (!part.starts_with(':')) return false;
  } else {
    const auto colon = part.find(':');
    for (const auto label : split(part.substr(0, colon), '.')) {
      if (label.empty() || label.starts_with('-') || label.ends_with('-')) return false;
      if (!std::all_of(label.begin(), label.end(), [](char c) { return is_alphanumeric(c) || c == '-'; })) {
        return false;
      }
    }
    if (colon == std::string_view::npos) return true;
    part.remove_prefix(colon);
  }
  unsigned long long port = 0;
  part.remove_prefix(1);
  return part.size() <= 5 && parse_number(part, port) && port <= 65535;
}

bool is_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > 128 || tag[0] == '.' || tag[0] == '-') return false;
  return std::all_of(tag.begin(), tag.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace

Reference Reference::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why, std::string hint) {
    return Error(cat("\"", printable(text), "\" is not the name of an image: ", why)).hint(std::move(hint));
  };
  if (text.empty()) throw refuse("it is empty", "give NAME or NAME:TAG");
  if (text.find('@') != std::string_view::npos) {
    throw refuse("a digest can't be part of it", "give NAME or NAME:TAG");
  }
  Reference reference;
  std::string_view name = text;
  const auto slash = text.rfind('/');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    const std::string_view tag = text.substr(colon + 1);
    if (!is_tag(tag)) {
      throw refuse(
          cat("bad tag \"", printable(tag), "\""),
          "a tag has 1 to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'");
    }
    reference.tag = tag;
    name = text.substr(0, colon);
  }
  const auto parts = split(name, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (is_path_component(parts[i]) || (i == 0 && parts.size() > 1 && is_host(parts[i]))) continue;
    throw refuse(
        parts[i].empty() ? std::string("a part of the name is empty")
                         : cat("bad part \"", printable(parts[i]), "\""),
        "a name has lower-case letters and digits with '.', '_' or '-' between them, in parts separated "
        "by '/', and perhaps HOST[:PORT]/ in front");
  }
  reference.name = name;
  // The folder's name has to fit into one component of a path.
  if (reference.name.size() > 255 || reference.directory().size() > 255) {
    throw refuse("it is too long", "a name has at most 255 characters, with each '/' counted as three");
  }
  return reference;
}

std::string Reference::text() const {
  return cat(name, ":", tag);
}

std::string Reference::directory() const {
  std::string out;
  for (const char c : name) {
    if (c == '/') {
      out += "%2F";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Reference::id() const {
  return hexadecimal(sip_hash_13(cat(name, ":", tag, '\xff')), 12).substr(0, 12);
}

std::string name_of_directory(std::string_view directory) {
  std::string out;
  for (std::size_t i = 0; i < directory.size(); ++i) {
    if (directory.substr(i).starts_with("%2F")) {
      out += '/';
      i += 2;
    } else {
      out += directory[i];
    }
  }
  return out;
}

std::string short_id(std::string_view id) {
  return std::string(id.substr(0, 8));
}

}  // namespace rocker::spec
