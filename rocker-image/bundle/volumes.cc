#include "rocker-image/bundle/volumes.hh"

#include <algorithm>

#include "rocker-image/grammar.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::bundle {

namespace {

using Kind = VolumeRequest::Kind;

// A word of the third part of -v.
void bind_word(VolumeRequest& request, std::string_view word, std::string_view option) {
  if (word == "ro" || word == "readonly") {
    request.readonly = true;
  } else if (word == "rw" || word.empty()) {
    request.readonly = false;
  } else if (word == "z" || word == "Z") {
    log::warn(cat(option, ": \"", word, "\" is ignored: files are not relabelled for SELinux"));
  } else if (word == "U") {
    request.own = true;
  } else if (word == "idmap") {
    request.idmap = true;
  } else if (word.starts_with("idmap=")) {
    throw Error(cat(option, ": \"", printable(word), "\": the only mapping is that of the container's users"))
        .hint("give idmap alone, with --userns private");
  } else if (word == "nocopy") {
    request.fill = false;
  } else if (word == "cached" || word == "delegated" || word == "consistent") {
    // docker's hints for other systems: on Linux they mean nothing there either.
  } else if (word == "bind" || word == "rbind" || is_propagation(word) || is_mount_flag(word)) {
    request.options.emplace_back(word);
  } else {
    throw Error(cat(option, ": unknown option \"", printable(word), "\""))
        .hint("expected of ro, rw, z, Z, U, idmap, nocopy, noexec, nosuid, nodev, rslave, rshared, rprivate");
  }
}

}  // namespace

std::string mount_destination(std::string_view text, std::string_view option) {
  if (!text.starts_with('/')) {
    throw Error(cat(option, ": expected an absolute path in the container, found \"", printable(text), "\""));
  }
  std::string path = absolute_path(text);
  if (path == "/") throw Error(cat(option, ": \"/\" is the container's root, expected a path below it"));
  return path;
}

bool is_mount_flag(std::string_view word) {
  constexpr std::string_view flags[] = {"exec",     "noexec",   "suid",       "nosuid",     "dev",
                                        "nodev",    "sync",     "async",      "atime",      "noatime",
                                        "relatime", "diratime", "nodiratime", "strictatime"};
  return std::find(std::begin(flags), std::end(flags), word) != std::end(flags);
}

bool is_propagation(std::string_view word) {
  constexpr std::string_view kinds[] = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};
  return std::find(std::begin(kinds), std::end(kinds), word) != std::end(kinds);
}

void check_volume_name(std::string_view name, std::string_view option) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = !name.empty() && name.size() <= 255 && letter(name[0]) &&
                    std::all_of(name.begin(), name.end(),
                                [&](char c) { return letter(c) || c == '_' || c == '.' || c == '-'; });
  if (!good) {
    throw Error(cat(option, ": \"", printable(name), "\" is no name of a volume"))
        .hint("letters, digits, '_', '.' and '-'; a folder of the host's begins with '/' or './'");
  }
}

VolumeRequest parse_volume(std::string_view text) {
  constexpr std::string_view option = "--volume";
  const auto parts = split(text, ':');
  VolumeRequest request;
  if (parts.size() == 1) {
    request.kind = Kind::volume;
    request.destination = mount_destination(parts[0], option);
    return request;
  }
  if (parts.size() > 3) {
    throw Error(cat(option, ": expected SOURCE:PATH[:OPTIONS], found \"", printable(text), "\""))
        .hint("a source with ':' in it goes into --mount type=bind,source=...,target=...");
  }
  const std::string_view source = parts[0];
  if (source.starts_with('/') || source.starts_with('.') || source.starts_with('~')) {
    request.kind = Kind::bind;
    request.source = absolute_path(source);
    request.make_source = true;
  } else {
    check_volume_name(source, option);
    request.kind = Kind::volume;
    request.source = source;
  }
  request.destination = mount_destination(parts[1], option);
  if (parts.size() == 3) {
    request.mode = parts[2];
    const auto words = split(parts[2], ',');
    const auto given = [&](std::string_view word) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if ((given("ro") || given("readonly")) && given("rw"))
      throw Error(cat(option, ": ro and rw exclude each other, found \"", printable(parts[2]), "\""));
    for (const auto word : words) bind_word(request, word, option);
  }
  return request;
}

VolumeRequest parse_tmpfs(std::string_view text) {
  VolumeRequest request;
  request.kind = Kind::tmpfs;
  const auto colon = text.find(':');
  request.destination = mount_destination(text.substr(0, colon), "--tmpfs");
  if (colon == std::string_view::npos) return request;
  for (const auto word : split(text.substr(colon + 1), ',')) {
    // The kernel's "50%" and "1g" are for the kernel.
    if (word.starts_with("size=") || word.starts_with("mode=") || word.starts_with("uid=") ||
        word.starts_with("gid=") || word.starts_with("nr_inodes=") || is_mount_flag(word)) {
      request.options.emplace_back(word);
    } else if (word == "ro") {
      request.readonly = true;
    } else if (word != "rw" && !word.empty()) {
      throw Error(cat("--tmpfs: unknown option \"", printable(word), "\""))
          .hint("expected of size=, mode=, uid=, gid=, ro, noexec");
    }
  }
  return request;
}

spec::Mount mount_of(const VolumeRequest& request, const std::string& source, bool own_users) {
  spec::Mount mount;
  mount.destination = request.destination;
  const auto given = [&](std::string_view word) {
    return std::find(request.options.begin(), request.options.end(), word) != request.options.end();
  };
  if (request.kind == Kind::tmpfs) {
    mount.type = "tmpfs";
    mount.source = "tmpfs";
    // docker's: nothing of a scratch file system should be run or be a device, unless it is asked for.
    for (const std::string_view word : {"nosuid", "nodev", "noexec"}) {
      if (!given(word) && !given(word.substr(2))) mount.options.emplace_back(word);
    }
  } else {
    mount.type = "bind";
    mount.source = source;
    if (!given("bind")) mount.options.emplace_back("rbind");
    if (std::none_of(request.options.begin(), request.options.end(),
                     [](const auto& o) { return is_propagation(o); })) {
      mount.options.emplace_back("rprivate");
    }
    // With the host's users they are the same numbers anyhow.
    if (own_users && (request.idmap || request.kind == Kind::volume)) mount.options.emplace_back("idmap");
    // A node that a container with the host's users has made is none for this one, which must not make any.
    if (own_users && request.kind == Kind::volume && !given("dev")) mount.options.emplace_back("nodev");
  }
  for (const auto& word : request.options) {
    if (std::find(mount.options.begin(), mount.options.end(), word) == mount.options.end())
      mount.options.push_back(word);
  }
  mount.options.emplace_back(request.readonly ? "ro" : "rw");
  // As docker since its version 25: else "-v /:/host:ro" would leave every file system below / open.
  if (request.readonly && request.kind == Kind::bind && !request.writable_below && !given("bind"))
    mount.options.emplace_back("rro");
  return mount;
}

}  // namespace rocker::bundle
