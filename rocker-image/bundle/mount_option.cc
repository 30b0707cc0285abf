// --mount: docker's keys and values, in a line of CSV.
#include <algorithm>
#include <optional>

#include "rocker-image/bundle/volumes.hh"
#include "rocker-image/grammar.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::bundle {

namespace {

using Kind = VolumeRequest::Kind;
constexpr std::string_view option = "--mount";

// RFC 4180: a field in quotes may have commas in it, and two quotes are one.
std::vector<std::string> fields_of(std::string_view text) {
  std::vector<std::string> fields{{}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && (c != ',' || quoted)) {
      fields.back() += c;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[++i];
    } else if (quoted || fields.back().empty()) {
      quoted = !quoted;
    } else {
      throw Error(cat(option, ": a quote in the middle of \"", printable(text), "\""))
          .hint("a field that has a comma stands in quotes as a whole: '\"source=/a,b\",target=/c'");
    }
  }
  if (quoted) throw Error(cat(option, ": a quote is not closed in \"", printable(text), "\""));
  return fields;
}

// docker's own keys that have no meaning here, with what to use instead.
struct Refused {
  std::string_view key, instead;
};
constexpr Refused refused[] = {
    {"volume-subpath", "mount the volume, and use its folder"},
    {"volume-label", "rocker volume create --label"},
    {"volume-opt", "volumes are folders of the store; mount a file system and use type=bind"},
    {"image-subpath", "rocker-image mount shows an image's files, for type=bind"},
};

Kind kind_of(std::string_view value) {
  if (value == "bind") return Kind::bind;
  if (value == "tmpfs") return Kind::tmpfs;
  if (value == "volume") return Kind::volume;
  Error error(cat(option, ": expected type=bind, volume or tmpfs, found \"", printable(value), "\""));
  if (value == "image") error.hint("rocker-image mount shows an image's files, for type=bind");
  if (value == "npipe") error.hint("it is for Windows");
  throw error;
}

std::string_view name(Kind kind) {
  return kind == Kind::bind ? "bind" : kind == Kind::tmpfs ? "tmpfs" : "volume";
}

// Only a mount of that type has such a key.
bool belongs(std::string_view key, Kind kind) {
  for (const auto other : {Kind::bind, Kind::tmpfs, Kind::volume}) {
    if (key.starts_with(cat(name(other), "-"))) return other == kind;
  }
  return true;
}

// When all keys are known: two of the values are for what is read-only.
void set_recursive(VolumeRequest& request, std::string_view value) {
  if (value == "disabled") {
    request.options.emplace_back("bind");
  } else if (value == "writable" || value == "readonly") {
    if (!request.readonly) {
      throw Error(cat(option, ": bind-recursive=", value, " is for what is read-only"))
          .hint("add readonly, or leave bind-recursive out");
    }
    request.writable_below = value == "writable";
  } else if (value != "enabled") {
    throw Error(cat(option, ": bind-recursive: expected enabled, disabled, writable or readonly, found \"",
                    printable(value), "\""));
  }
}

void set_tmpfs_mode(VolumeRequest& request, std::string_view value) {
  unsigned long long mode = 0;
  if (!parse_number(value, mode, 8) || mode > 07777)
    throw Error(cat(option, ": tmpfs-mode: expected an octal mode, found \"", printable(value), "\""));
  request.options.push_back(cat("mode=", value));
}

void expect_one_of(std::string_view key, std::string_view value,
                   std::initializer_list<std::string_view> words) {
  if (std::find(words.begin(), words.end(), value) != words.end()) return;
  throw Error(cat(option, ": ", key, ": expected ", join({words.begin(), words.end()}, " or "), ", found \"",
                  printable(value), "\""));
}

}  // namespace

VolumeRequest parse_mount(std::string_view text) {
  VolumeRequest request;
  request.kind = Kind::volume;
  std::string source;
  std::optional<std::string> recursive;
  std::vector<std::string> keys;
  for (const auto& field : fields_of(text)) {
    const auto equals = field.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string value = has_value ? field.substr(equals + 1) : "";
    // As docker has them, in letters of any case; podman's U is a capital.
    std::string key = field.substr(0, equals);
    if (key != "U")
      std::transform(key.begin(), key.end(), key.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    const auto flag = [&] { return !has_value || grammar::parse_flag(value, cat(option, " ", key)); };
    keys.push_back(key);
    if (key == "type") {
      request.kind = kind_of(value);
    } else if (key == "source" || key == "src") {
      source = value;
    } else if (key == "target" || key == "destination" || key == "dst") {
      request.destination = mount_destination(value, option);
    } else if (key == "readonly" || key == "ro") {
      request.readonly = flag();
    } else if (key == "rw") {
      request.readonly = !flag();
    } else if (key == "consistency") {
      // A hint for other systems: on Linux it means nothing to docker either.
      expect_one_of(key, value, {"cached", "delegated", "consistent", "default"});
    } else if (key == "bind-propagation") {
      if (!is_propagation(value))
        throw Error(cat(option, ": unknown bind-propagation \"", printable(value), "\""));
      request.options.emplace_back(value);
    } else if (key == "bind-nonrecursive") {
      if (flag()) request.options.emplace_back("bind");
    } else if (key == "bind-recursive") {
      recursive = value;
    } else if (key == "tmpfs-size") {
      request.options.push_back(cat("size=", parse_size(value, cat(option, " tmpfs-size"))));
    } else if (key == "tmpfs-mode") {
      set_tmpfs_mode(request, value);
    } else if (key == "volume-nocopy") {
      request.fill = !flag();
    } else if (key == "volume-driver") {
      expect_one_of(key, value, {"local"});
    } else if (key == "U" || key == "chown") {
      request.own = flag();
    } else if (key == "idmap") {
      request.idmap = flag();
    } else if (is_mount_flag(key)) {
      request.options.emplace_back(key);
    } else if (const auto* known = std::find_if(std::begin(refused), std::end(refused),
                                                [&](const auto& other) { return other.key == key; });
               known != std::end(refused)) {
      throw Error(cat(option, ": rocker has no ", key)).hint(std::string(known->instead));
    } else {
      throw Error(cat(option, ": unknown key \"", printable(key), "\""))
          .hint(
              "expected of type, source, target, readonly, bind-propagation, bind-recursive, idmap, "
              "tmpfs-size, tmpfs-mode, volume-nocopy");
    }
  }
  if (recursive) set_recursive(request, *recursive);
  for (const auto& key : keys) {
    if (!belongs(key, request.kind))
      throw Error(
          cat(option, ": ", key, " is not for type=", name(request.kind), ", in \"", printable(text), "\""));
  }
  if (request.destination.empty())
    throw Error(cat(option, ": target is missing in \"", printable(text), "\""));
  if (request.kind == Kind::bind) {
    if (source.empty()) throw Error(cat(option, ": source is missing in \"", printable(text), "\""));
    request.source = absolute_path(source);
  } else if (request.kind == Kind::volume) {
    if (!source.empty()) check_volume_name(source, option);
    request.source = source;
  } else if (!source.empty()) {
    throw Error(cat(option, ": a tmpfs has no source"));
  }
  return request;
}

}  // namespace rocker::bundle
