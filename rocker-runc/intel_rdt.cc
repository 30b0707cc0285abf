#include "rocker-runc/intel_rdt.hh"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <vector>

#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC 0x7655821
#endif

namespace rocker {

namespace {

constexpr const char* mount_point = "/sys/fs/resctrl";

UniqueFd open_resctrl() {
  UniqueFd root(::open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statfs fs {};
  if (!root || ::fstatfs(root.get(), &fs) < 0 ||
      fs.f_type != static_cast<decltype(fs.f_type)>(RDTGROUP_SUPER_MAGIC)) {
    return {};
  }
  return root;
}

// A group is one directory right below the root; "/" is the default group.
std::string group_name(const spec::IntelRdt& rdt, const std::string& container_id) {
  const std::string& name = rdt.clos_id.empty() ? container_id : rdt.clos_id;
  if (name == "/") return ".";
  if (name.find('/') != std::string::npos || name == "." || name == ".." || name == "info" ||
      name == "mon_groups" || name == "mon_data") {
    throw Error(
        cat("/linux/intelRdt/closID: \"", printable(name), "\" can't be the name of a class of service"));
  }
  return name;
}

// The lines for `schemata`, in the order that the spec gives.
std::vector<std::string> schemata_lines(const spec::IntelRdt& rdt) {
  std::vector<std::string> lines;
  auto add = [&](const std::string& line, std::string_view member) {
    if (line.find('\n') != std::string::npos)
      throw Error(cat("/linux/intelRdt/", member, ": no newline is allowed"));
    lines.push_back(line);
  };
  if (!rdt.l3_cache_schema.empty()) add(rdt.l3_cache_schema, "l3CacheSchema");
  if (!rdt.mem_bw_schema.empty()) {
    if (!rdt.mem_bw_schema.starts_with("MB:")) {
      throw Error("/linux/intelRdt/memBwSchema: must start with \"MB:\"");
    }
    add(rdt.mem_bw_schema, "memBwSchema");
  }
  for (const std::string& line : rdt.schemata) add(line, "schemata");
  return lines;
}

// "L3:0=7f;1=ff" as the pairs of one resource in canonical form, so that `L3: 0 = 07f` is the same.
struct Schema {
  std::string resource;
  std::vector<std::pair<std::string, std::string>> domains;
};

Schema parse_schema(std::string_view line) {
  Schema schema;
  const std::size_t colon = line.find(':');
  schema.resource = std::string(trim(line.substr(0, colon)));
  if (colon == std::string_view::npos) return schema;
  for (std::string_view part : split(line.substr(colon + 1), ';')) {
    const std::size_t equal = part.find('=');
    if (equal == std::string_view::npos) continue;
    std::string_view value = trim(part.substr(equal + 1));
    while (value.size() > 1 && value[0] == '0') value.remove_prefix(1);
    schema.domains.emplace_back(trim(part.substr(0, equal)), value);
  }
  return schema;
}

// Everything that is asked for stands in the group's schemata already.
bool same_schemata(std::string_view current, const std::vector<std::string>& wanted) {
  std::vector<Schema> have;
  for (std::string_view line : split(current, '\n')) have.push_back(parse_schema(line));
  for (const std::string& line : wanted) {
    const Schema want = parse_schema(line);
    for (const auto& domain : want.domains) {
      bool found = false;
      for (const Schema& schema : have) {
        if (schema.resource != want.resource) continue;
        for (const auto& other : schema.domains) found = found || other == domain;
      }
      if (!found) return false;
    }
  }
  return true;
}

[[noreturn]] void throw_write_error(int root, const std::string& what) {
  Error error = system_error(what);
  // The kernel's own reason for the last refusal.
  if (auto status = read_file_if_exists(root, "info/last_cmd_status", 4096)) {
    const std::string reason(trim(*status));
    if (!reason.empty() && reason != "ok") error.hint(printable(reason));
  }
  throw error;
}

void write_group_file(int root, const std::string& path, const std::string& text) {
  UniqueFd fd = open_at(root, path, O_WRONLY);
  if (::write(fd.get(), text.data(), text.size()) < 0) {
    throw_write_error(root, cat("/linux/intelRdt: writing \"", printable(std::string(trim(text))), "\" to ",
                                mount_point, "/", path));
  }
}

}  // namespace

bool intel_rdt_available() {
  return static_cast<bool>(open_resctrl());
}

IntelRdtState apply_intel_rdt(const spec::IntelRdt& rdt, const std::string& container_id, pid_t pid) {
  const UniqueFd root = open_resctrl();
  if (!root) {
    throw Error("/linux/intelRdt: no mounted resctrl file system at /sys/fs/resctrl")
        .hint("mount -t resctrl resctrl /sys/fs/resctrl, on a CPU and kernel with resource control");
  }
  const std::string group = group_name(rdt, container_id);
  const std::vector<std::string> lines = schemata_lines(rdt);

  IntelRdtState state;
  bool made = false;
  if (group != ".") {
    struct stat st {};
    const bool exists = ::fstatat(root.get(), group.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!exists && !rdt.clos_id.empty() && lines.empty()) {
      throw Error(cat("/linux/intelRdt/closID: there is no class of service \"", printable(group), "\" in ",
                      mount_point))
          .hint("make it first, or give a schema with it");
    }
    if (!exists) {
      if (::mkdirat(root.get(), group.c_str(), 0755) < 0) {
        if (errno == ENOSPC) {
          throw Error("/linux/intelRdt: the CPU has no class of service left", ENOSPC)
              .hint("share one between containers with closID");
        }
        throw_write_error(root.get(), cat("/linux/intelRdt: making ", mount_point, "/", group));
      }
      made = true;
      if (rdt.clos_id.empty()) state.clos_directory = group;
    }
  }
  Defer undo([&] {
    if (!state.mon_directory.empty()) ::unlinkat(root.get(), state.mon_directory.c_str(), AT_REMOVEDIR);
    if (made) ::unlinkat(root.get(), group.c_str(), AT_REMOVEDIR);
  });

  if (!lines.empty()) {
    const std::string file = cat(group, "/schemata");
    if (!made && !rdt.clos_id.empty()) {
      const std::string current = read_file(cat(mount_point, "/", file), 1 << 20);
      if (!same_schemata(current, lines)) {
        throw Error(
            cat("/linux/intelRdt: the class of service \"", rdt.clos_id, "\" exists with another schemata"))
            .hint("take another closID, or the schema that it has");
      }
    } else {
      for (const std::string& line : lines) write_group_file(root.get(), file, cat(line, "\n"));
    }
  }
  if (rdt.enable_monitoring) {
    const std::string mon = cat(group, "/mon_groups/", container_id);
    if (::mkdirat(root.get(), mon.c_str(), 0755) < 0) {
      throw_write_error(root.get(),
                        cat("/linux/intelRdt: making the monitoring group ", mount_point, "/", mon));
    }
    state.mon_directory = mon;
  }
  write_group_file(root.get(), cat(group, "/tasks"), std::to_string(pid));
  if (rdt.enable_monitoring)
    write_group_file(root.get(), cat(state.mon_directory, "/tasks"), std::to_string(pid));
  undo.dismiss();
  return state;
}

void remove_intel_rdt(const IntelRdtState& state) {
  if (state.clos_directory.empty() && state.mon_directory.empty()) return;
  const UniqueFd root = open_resctrl();
  if (!root) return;  // unmounted: the groups went with it
  for (const std::string* directory : {&state.mon_directory, &state.clos_directory}) {
    if (directory->empty()) continue;
    if (::unlinkat(root.get(), directory->c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
      throw system_error(cat("removing ", mount_point, "/", *directory));
    }
  }
}

}  // namespace rocker
