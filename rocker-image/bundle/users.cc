#include "rocker-image/bundle/users.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/passwd.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

struct GroupEntry {
  std::string name;
  gid_t gid = 0;
  std::vector<std::string> members;
};

// What a database of the image says; nothing when it has none, or something else in its place.
std::string read_database(int root_fd, std::string_view path) {
  constexpr std::size_t most = 16 << 20;
  const UniqueFd fd = try_open_regular_in_root(root_fd, path);
  if (!fd) return {};
  return read_all(fd.get(), cat("the image's ", path), most);
}

// group(5)
std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for (const auto line : split(text, '\n')) {
    const auto fields = split(line, ':');
    GroupEntry entry;
    if (fields.size() < 4 || !parse_id(fields[2], entry.gid)) continue;
    entry.name = fields[0];
    for (const auto member : split(trim(fields[3]), ',')) entry.members.emplace_back(member);
    entries.push_back(std::move(entry));
  }
  return entries;
}

gid_t find_group(const std::vector<GroupEntry>& groups, std::string_view text, std::string_view option) {
  for (const auto& entry : groups) {
    if (entry.name == text) return entry.gid;
  }
  gid_t gid = 0;
  if (parse_id(text, gid)) return gid;
  throw Error(cat(option, ": the image's /etc/group has no group \"", printable(text), "\""))
      .hint("give its number");
}

}  // namespace

ResolvedUser resolve_user(int root_fd, std::string_view text, const std::vector<std::string>& groups) {
  const auto colon = text.find(':');
  const std::string_view user_text = text.substr(0, colon);
  const std::optional<std::string_view> group_text =
      colon == std::string_view::npos ? std::nullopt : std::optional(text.substr(colon + 1));

  const std::string passwd = read_database(root_fd, "/etc/passwd");
  const auto group = parse_group(read_database(root_fd, "/etc/group"));

  ResolvedUser out;
  // A name is looked for first: "1000" may be one.
  auto entry = find_in_passwd(passwd, [&](const PasswdEntry& e) { return e.name == user_text; });
  if (!entry) {
    if (!user_text.empty() && !parse_id(user_text, out.user.uid)) {
      throw Error(cat("--user: the image's /etc/passwd has no user \"", printable(user_text), "\""))
          .hint("give its number");
    }
    entry = find_in_passwd(passwd, [&](const PasswdEntry& e) { return e.uid == out.user.uid; });
  }
  std::string name;
  if (entry) {
    out.user.uid = entry->uid;
    out.user.gid = entry->gid;
    name = entry->name;
    if (entry->home.starts_with('/')) out.home = entry->home;
  } else if (out.user.uid == 0) {
    out.home = "/root";
  }

  auto& additional = out.user.additional_gids;
  if (group_text && !group_text->empty()) {
    out.user.gid = find_group(group, *group_text, "--user");
  } else if (!name.empty()) {
    for (const auto& e : group) {
      if (e.gid != out.user.gid && std::find(e.members.begin(), e.members.end(), name) != e.members.end()) {
        additional.push_back(e.gid);
      }
    }
  }
  for (const auto& wanted : groups) additional.push_back(find_group(group, wanted, "--group-add"));
  std::sort(additional.begin(), additional.end());
  additional.erase(std::unique(additional.begin(), additional.end()), additional.end());
  return out;
}

}  // namespace rocker::bundle
