#include "spec/support/passwd.hh"

#include <algorithm>

#include "spec/support/str.hh"

namespace rocker {

bool parse_id(std::string_view text, uid_t& out) {
  unsigned long long number = 0;
  if (!parse_number(text, number) || number >= 0xffffffffULL) return false;
  out = static_cast<uid_t>(number);
  return true;
}

std::optional<PasswdEntry> find_in_passwd(std::string_view text,
                                          const std::function<bool(const PasswdEntry&)>& wanted) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    // name:password:uid:gid:comment:home:shell
    const auto fields = split(line, ':');
    PasswdEntry entry;
    if (fields.size() < 6 || !parse_id(fields[2], entry.uid) || !parse_id(fields[3], entry.gid)) continue;
    entry.name = fields[0];
    entry.home = fields[5];
    if (wanted(entry)) return entry;
  }
  return std::nullopt;
}

}  // namespace rocker
