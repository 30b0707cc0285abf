#include "rocker-image/manifest.hh"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

bool is_plain(unsigned char byte) {
  return byte > 0x20 && byte < 0x7f && byte != '\\' && byte != '#' && byte != '=';
}

// vis(3)'s octal form, as mtree(5) wants it for all that is no plain character.
void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto plain = std::find_if_not(text.begin(), text.end(), is_plain);
    out.append(text.begin(), plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    out += '\\';
    out += static_cast<char>('0' + (byte >> 6));
    out += static_cast<char>('0' + (byte >> 3 & 7));
    out += static_cast<char>('0' + (byte & 7));
    text.remove_prefix(1);
  }
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

// bsdtar refuses keywords that it does not know; tags are free text to everybody.
constexpr std::string_view xattrs_keyword = " tags=xattrs-";

template <typename Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, std::end(digits), number).ptr);
}

void append_octal(std::string& out, unsigned number) {
  char digits[12];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + (number & 7));
    number >>= 3;
  } while (number != 0 || count < 4);
  while (count != 0) out += digits[--count];
}

}  // namespace

void describe_node(const Node& node, ManifestLine& line) {
  line.path = node.path;
  line.mode = node.st.st_mode & 07777;
  line.uid = node.st.st_uid;
  line.gid = node.st.st_gid;
  line.seconds = node.st.st_mtim.tv_sec;
  line.nanoseconds = node.st.st_mtim.tv_nsec;
  line.size = line.major = line.minor = 0;
  line.target.clear();
  line.digest.reset();
  line.xattrs.reset();
  switch (node.st.st_mode & S_IFMT) {
    case S_IFREG:
      line.type = "file";
      line.size = static_cast<std::uint64_t>(node.st.st_size);
      break;
    case S_IFDIR: line.type = "dir"; break;
    case S_IFLNK:
      line.type = "link";
      line.target = read_link(node);
      break;
    case S_IFCHR: line.type = "char"; break;
    case S_IFBLK: line.type = "block"; break;
    case S_IFIFO: line.type = "fifo"; break;
    default: line.type = "socket"; break;
  }
  if (S_ISCHR(node.st.st_mode) || S_ISBLK(node.st.st_mode)) {
    line.major = major(node.st.st_rdev);
    line.minor = minor(node.st.st_rdev);
  }
}

void append_line(std::string& out, const ManifestLine& line) {
  out += '.';
  if (!line.path.empty()) {
    out += '/';
    append_escaped(out, line.path);
  }
  out += " type=";
  out += line.type;
  out += " mode=";
  append_octal(out, line.mode);
  out += " uid=";
  append_number(out, line.uid);
  out += " gid=";
  append_number(out, line.gid);
  if (line.type == "file") {
    out += " size=";
    append_number(out, line.size);
  }
  // mtree's fraction is a number of nanoseconds and not a decimal fraction.
  out += " time=";
  append_number(out, line.seconds);
  out += '.';
  append_number(out, line.nanoseconds);
  if (line.type == "link") {
    out += " link=";
    append_escaped(out, line.target);
  }
  if (line.type == "char" || line.type == "block") {
    out += cat(" device=linux,", line.major, ",", line.minor);
  }
  if (line.digest) {
    out += " sha256digest=";
    Sha256::append_hex(out, *line.digest);
  }
  if (line.xattrs) {
    out += xattrs_keyword;
    Sha256::append_hex(out, *line.xattrs);
  }
  out += '\n';
}

bool parse_line(std::string_view text, ManifestLine& line) {
  if (text.empty() || text.starts_with('#')) return false;
  line = ManifestLine();
  bool first = true;
  const auto number = [&](std::string_view value, int base = 10) {
    long long n = 0;
    if (!parse_number(value, n, base)) throw Error(cat("\"", printable(value), "\" is not a number"));
    return n;
  };
  for (const auto word : split(text, ' ')) {
    if (first) {
      if (word != "." && !word.starts_with("./"))
        throw Error(cat("\"", printable(word), "\" does not begin with \"./\""));
      if (word.size() > 2) line.path = unescaped(word.substr(2));
      first = false;
      continue;
    }
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "type") {
      line.type = value;
    } else if (key == "mode") {
      line.mode = static_cast<unsigned>(number(value, 8));
    } else if (key == "uid") {
      line.uid = static_cast<std::uint64_t>(number(value));
    } else if (key == "gid") {
      line.gid = static_cast<std::uint64_t>(number(value));
    } else if (key == "size") {
      line.size = static_cast<std::uint64_t>(number(value));
    } else if (key == "time") {
      const auto dot = value.find('.');
      line.seconds = number(value.substr(0, dot));
      if (dot != std::string_view::npos) line.nanoseconds = static_cast<long>(number(value.substr(dot + 1)));
    } else if (key == "link") {
      line.target = unescaped(value);
    } else if (key == "device") {
      const auto parts = split(value, ',');
      if (parts.size() != 3) throw Error(cat("\"", printable(value), "\" is not a device"));
      line.major = static_cast<std::uint64_t>(number(parts[1]));
      line.minor = static_cast<std::uint64_t>(number(parts[2]));
    } else if (key == "sha256digest") {
      Sha256::Digest digest;
      if (!Sha256::parse_hex(value, digest)) throw Error(cat("\"", printable(value), "\" is not a SHA-256"));
      line.digest = digest;
    } else if (key == "tags" && value.starts_with("xattrs-")) {
      Sha256::Digest digest;
      if (!Sha256::parse_hex(value.substr(7), digest))
        throw Error(cat("\"", printable(value), "\" is not a SHA-256"));
      line.xattrs = digest;
    }
  }
  return true;
}

}  // namespace rocker
