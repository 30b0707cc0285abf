#include "rocker-image/bundle/user_ranges.hh"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/store_folders.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/lock.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

// systemd's "Users, Groups, UIDs and GIDs on systemd Systems": what is for the containers of whoever takes
// them.
constexpr IdSpan container_ids{524288, 1878982656 + UserRange::size - 1};
constexpr std::size_t most = 16 << 20;

bool overlap(const IdSpan& a, const IdSpan& b) {
  return a.first <= b.last && b.first <= a.last;
}

IdSpan span_of(UserRange range) {
  return {range.first, std::uint64_t{range.first} + UserRange::size - 1};
}

struct SubordinateIds {
  std::string_view owner;
  IdSpan ids;
};

// subuid(5); lines that are no entries are passed over, as by newuidmap(1).
std::vector<SubordinateIds> parse_subordinate(std::string_view text) {
  std::vector<SubordinateIds> entries;
  for (const auto line : split(text, '\n')) {
    const auto fields = split(trim(line), ':');
    unsigned long long first = 0, count = 0;
    if (fields.size() != 3 || !parse_number(fields[1], first) || !parse_number(fields[2], count)) continue;
    // An ID of all ones is none (chown(2)).
    constexpr unsigned long long end = 0xffffffff;
    if (count == 0 || first >= end) continue;
    entries.push_back({fields[0], {first, first + std::min(count, end - first) - 1}});
  }
  return entries;
}

// The third field of passwd(5) and group(5).
void add_ids(std::string_view text, std::vector<IdSpan>& ids) {
  for (const auto line : split(text, '\n')) {
    const auto fields = split(line, ':');
    unsigned long long id = 0;
    if (fields.size() > 3 && parse_number(fields[2], id)) ids.push_back({id, id});
  }
}

// Users that are in no file: LDAP's, systemd's dynamic ones. As systemd-nspawn does, only the first is asked
// for.
bool is_somebodys(UserRange range) {
  return ::getpwuid(range.first) != nullptr || ::getgrgid(range.first) != nullptr;
}

std::string note_name(UserRange range, const std::string& bundle_dir) {
  return cat(range.first, "-", hexadecimal(sip_hash_13(bundle_dir), 16));
}

FileLock lock(const std::string& root) {
  return FileLock::wait(AT_FDCWD, cat(store_folders::make_folder(root, "ranges"), "/.lock"),
                        FileLock::Mode::exclusive);
}

// Those of bundles that exist; the notes of others are taken away.
std::vector<UserRange> used_ranges(const std::string& root) {
  std::vector<UserRange> used;
  for (const auto& name : store_folders::names_in(cat(root, "/ranges"))) {
    const std::string path = cat(root, "/ranges/", name);
    unsigned long long first = 0;
    if (!parse_number(std::string_view(name).substr(0, name.find('-')), first)) continue;
    const auto bundle = read_file_if_exists(AT_FDCWD, path, 64 << 10);
    if (bundle && !store_folders::BundlePlace::parse(*bundle).is_gone()) {
      used.push_back({static_cast<std::uint32_t>(first)});
    } else {
      ::unlink(path.c_str());
    }
  }
  return used;
}

void note(const std::string& root, const std::string& bundle_dir, UserRange range) {
  replace_file(AT_FDCWD, cat(root, "/ranges/", note_name(range, bundle_dir)),
               store_folders::BundlePlace::of(bundle_dir).text(), 0600);
}

std::string text_of(const char* path) {
  return read_file_if_exists(AT_FDCWD, path, most).value_or("");
}

}  // namespace

RangeSource parse_range_source(std::string_view subuid, std::string_view subgid, std::string_view passwd,
                               std::string_view group) {
  RangeSource source;
  const auto users = parse_subordinate(subuid), groups = parse_subordinate(subgid);
  for (const std::string_view owner : {"rocker", "containers"}) {
    const auto is_owners = [&](const SubordinateIds& entry) { return entry.owner == owner; };
    if (std::none_of(users.begin(), users.end(), is_owners) &&
        std::none_of(groups.begin(), groups.end(), is_owners)) {
      continue;
    }
    source.owner = owner;
    // The same numbers for users and groups, as useradd(8) gives them.
    for (const auto& user : users) {
      for (const auto& other : groups) {
        if (!is_owners(user) || !is_owners(other) || !overlap(user.ids, other.ids)) continue;
        source.given.push_back(
            {std::max(user.ids.first, other.ids.first), std::min(user.ids.last, other.ids.last)});
      }
    }
    return source;
  }
  for (const auto& entry : users) source.taken.push_back(entry.ids);
  for (const auto& entry : groups) source.taken.push_back(entry.ids);
  add_ids(passwd, source.taken);
  add_ids(group, source.taken);
  return source;
}

UserRange pick_range(const RangeSource& source, std::span<const UserRange> used, std::string_view seed) {
  const bool given = !source.owner.empty();
  const auto spans = given ? std::span<const IdSpan>(source.given) : std::span(&container_ids, 1);
  const auto ranges_in = [](const IdSpan& ids) { return (ids.last - ids.first + 1) / UserRange::size; };
  std::uint64_t count = 0;
  for (const auto& ids : spans) count += ranges_in(ids);
  const auto free = [&](UserRange range) {
    const auto meets = [&](const IdSpan& ids) { return overlap(ids, span_of(range)); };
    return std::none_of(used.begin(), used.end(), [&](const auto& other) { return meets(span_of(other)); }) &&
           std::none_of(source.taken.begin(), source.taken.end(), meets) && (given || !is_somebodys(range));
  };
  const std::uint64_t start = count == 0 ? 0 : sip_hash_13(seed) % count;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t index = (start + i) % count;
    const auto* ids = spans.data();
    for (; index >= ranges_in(*ids); ++ids) index -= ranges_in(*ids);
    const UserRange range{static_cast<std::uint32_t>(ids->first + index * UserRange::size)};
    if (free(range)) return range;
  }
  if (!given) throw Error("--userns private: all IDs from 524288 to 1879048191 belong to somebody");
  throw Error(cat("--userns private: no ", UserRange::size, " IDs are free of those that /etc/subuid and ",
                  "/etc/subgid both give to \"", source.owner, "\""))
      .hint(cat("give it more, the same in both files, as in \"", source.owner, ":2147483648:1073741824\""));
}

UserRange reserve_range(const std::string& root, const std::string& bundle_dir, std::string_view seed) {
  const FileLock held = lock(root);
  const RangeSource source = parse_range_source(text_of("/etc/subuid"), text_of("/etc/subgid"),
                                                text_of("/etc/passwd"), text_of("/etc/group"));
  const UserRange range = pick_range(source, used_ranges(root), seed);
  note(root, bundle_dir, range);
  return range;
}

void share_range(const std::string& root, const std::string& bundle_dir, UserRange range) {
  const FileLock held = lock(root);
  note(root, bundle_dir, range);
}

void release_range(const std::string& root, const std::string& bundle_dir, UserRange range) {
  const std::string path = cat(root, "/ranges/", note_name(range, bundle_dir));
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) throw system_error(cat("remove ", path));
}

}  // namespace rocker::bundle
