#include "rocker-runc/cgroup/journal.hh"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

std::string_view first_word(std::string_view line) {
  return line.substr(0, line.find(' '));
}

// The line of `text` that begins with the word; nothing when there is none.
std::string_view line_of(std::string_view text, std::string_view word) {
  for (const auto line : split(text, '\n')) {
    if (first_word(line) == word) return line;
  }
  return {};
}

// What takes a device's line out of a file again.
std::string without_line(std::string_view file, std::string_view device) {
  if (file == "io.max") return cat(device, " rbps=max wbps=max riops=max wiops=max");
  if (file == "io.latency") return cat(device, " target=0");
  const bool is_weight = file.find("weight") != file.npos;
  return cat(device, is_weight ? " default" : " 0");
}

}  // namespace

std::string to_put_back(std::string_view file, std::string_view written, std::string_view before) {
  if (file == "memory.oom_control") {
    const auto line = line_of(before, "oom_kill_disable");
    return std::string(line.substr(std::min(line.size(), std::strlen("oom_kill_disable "))));
  }
  const auto key = first_word(trim(written));
  const bool of_device = key.find(':') != key.npos;
  if (of_device || file == "rdma.max" || file == "net_prio.ifpriomap" || file == "misc.max") {
    const auto line = line_of(before, key);
    return line.empty() ? without_line(file, key) : std::string(line);
  }
  if (file == "cgroup.subtree_control") {
    // What was not there is taken away again, what was is given back.
    std::string line;
    for (const auto word : split(written, ' ')) {
      const auto controller = trim(word.substr(std::min<std::size_t>(word.size(), 1)));
      const auto words = split(before, ' ');
      const bool was_there = std::find(words.begin(), words.end(), controller) != words.end();
      if (controller.empty() || was_there == word.starts_with('+')) continue;
      line += cat(line.empty() ? "" : " ", was_there ? "+" : "-", controller);
    }
    return line.empty() ? "\n" : line;
  }
  // A weight for all devices beside those of some.
  if (const auto line = line_of(before, "default"); !line.empty()) return std::string(line);
  // An empty cpuset is written as a line end, and so is nothing at all.
  return before.empty() ? "\n" : std::string(before);
}

void Journal::watch(const Group& group) {
  group.journal_ = this;
  watched_.push_back(&group);
}

void Journal::wrote(const Group& group, std::string_view file, std::string_view value,
                    std::optional<std::string> before) {
  // Device rules have a way back of their own (finish_update), and a trigger of pressure is gone with its
  // descriptor.
  if (file.starts_with("devices.") || file.ends_with(".pressure")) return;
  // A group with processes in it takes no empty cpuset: the one that is in effect is the same.
  if (before && before->empty() && (file == "cpuset.cpus" || file == "cpuset.mems")) {
    before = group.read_if_exists(cat(file, ".effective"));
  }
  entries_.push_back({&group, std::string(file), std::string(value), std::move(before)});
}

Journal::~Journal() {
  for (const Group* group : watched_) group->journal_ = nullptr;
  if (kept_) return;
  try {
    put_back();
  } catch (const std::exception& error) {
    log::warn(cat("update: not all could be put back: ", error.what()));
  }
}

void Journal::put_back() const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    const auto& [group, file, value, before] = *entry;
    // Also for what could not be read: a file that is only written to, as memory.reclaim is.
    const bool back = before && group->try_write(file, to_put_back(file, value, *before)) == 0;
    if (!back)
      log::warn(cat("update: ", group->path(), "/", file, " stays at \"", printable(trim(value)), "\""));
  }
}

}  // namespace rocker::cgroup
