#include "rocker-image/bundle/capabilities.hh"

#include <algorithm>
#include <cctype>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

// capabilities(7), in the order of their numbers.
constexpr std::string_view names[] = {"CHOWN",
                                      "DAC_OVERRIDE",
                                      "DAC_READ_SEARCH",
                                      "FOWNER",
                                      "FSETID",
                                      "KILL",
                                      "SETGID",
                                      "SETUID",
                                      "SETPCAP",
                                      "LINUX_IMMUTABLE",
                                      "NET_BIND_SERVICE",
                                      "NET_BROADCAST",
                                      "NET_ADMIN",
                                      "NET_RAW",
                                      "IPC_LOCK",
                                      "IPC_OWNER",
                                      "SYS_MODULE",
                                      "SYS_RAWIO",
                                      "SYS_CHROOT",
                                      "SYS_PTRACE",
                                      "SYS_PACCT",
                                      "SYS_ADMIN",
                                      "SYS_BOOT",
                                      "SYS_NICE",
                                      "SYS_RESOURCE",
                                      "SYS_TIME",
                                      "SYS_TTY_CONFIG",
                                      "MKNOD",
                                      "LEASE",
                                      "AUDIT_WRITE",
                                      "AUDIT_CONTROL",
                                      "SETFCAP",
                                      "MAC_OVERRIDE",
                                      "MAC_ADMIN",
                                      "SYSLOG",
                                      "WAKE_ALARM",
                                      "BLOCK_SUSPEND",
                                      "AUDIT_READ",
                                      "PERFMON",
                                      "BPF",
                                      "CHECKPOINT_RESTORE"};

// podman's default set: what package managers and daemons that change their user need.
constexpr std::string_view defaults[] = {"CHOWN",   "DAC_OVERRIDE",     "FOWNER",    "FSETID",
                                         "KILL",    "NET_BIND_SERVICE", "SETFCAP",   "SETGID",
                                         "SETPCAP", "SETUID",           "SYS_CHROOT"};

// How many the running kernel knows; it refuses those beyond.
std::size_t known_to_kernel() {
  const auto text = read_file_if_exists(-100 /* AT_FDCWD */, "/proc/sys/kernel/cap_last_cap", 64);
  long long last = 0;
  if (!text || !parse_number(trim(*text), last)) return std::size(names);
  return std::min(std::size(names), static_cast<std::size_t>(last + 1));
}

std::string canonical(std::string_view text, std::string_view option) {
  std::string name;
  for (const char c : text) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name.starts_with("CAP_")) name.erase(0, 4);
  if (name != "ALL" && std::find(std::begin(names), std::end(names), name) == std::end(names)) {
    throw Error(cat(option, ": \"", printable(text), "\" is not a capability")).hint("see capabilities(7)");
  }
  return name;
}

}  // namespace

spec::Capabilities choose_capabilities(const std::vector<std::string>& add,
                                       const std::vector<std::string>& drop, bool privileged, uid_t uid) {
  bool kept[std::size(names)] = {}, added[std::size(names)] = {};
  const std::size_t known = known_to_kernel();
  const auto index = [](std::string_view name) {
    return static_cast<std::size_t>(std::find(std::begin(names), std::end(names), name) - std::begin(names));
  };
  for (const auto name : defaults) kept[index(name)] = true;
  if (privileged) std::fill_n(kept, known, true);

  // As docker has it: "ALL" first, then the names, so that `--cap-drop ALL --cap-add CHOWN` leaves one and
  // `--cap-add ALL --cap-drop CHOWN` all but one, in any order.
  std::vector<std::string> adds, drops;
  for (const auto& text : add) adds.push_back(canonical(text, "--cap-add"));
  for (const auto& text : drop) drops.push_back(canonical(text, "--cap-drop"));
  const auto all = [](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), "ALL") != list.end();
  };
  if (all(adds)) std::fill_n(kept, known, true);
  if (all(drops)) std::fill(std::begin(kept), std::end(kept), false);
  for (const auto& name : drops) {
    if (name != "ALL") kept[index(name)] = false;
  }
  for (const auto& name : adds) {
    if (name == "ALL") continue;
    if (index(name) >= known) throw Error(cat("--cap-add: this kernel has no capability \"", name, "\""));
    kept[index(name)] = added[index(name)] = true;
  }

  spec::Capabilities caps;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    const std::string name = cat("CAP_", names[i]);
    if (kept[i]) caps.bounding.push_back(name);
    if (uid == 0 ? kept[i] : added[i]) {
      caps.effective.push_back(name);
      caps.permitted.push_back(name);
    }
    // Only ambient ones live through the execve of a user other than root (capabilities(7)).
    if (uid != 0 && added[i]) {
      caps.inheritable.push_back(name);
      caps.ambient.push_back(name);
    }
  }
  return caps;
}

}  // namespace rocker::bundle
