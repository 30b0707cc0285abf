// system info and prune.
#include <dirent.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "rocker-image/template/rows.hh"
#include "rocker-image/template/template.hh"
#include "rocker-image/verbs/confirm.hh"
#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

namespace {

struct InfoOptions {
  std::string format;
};

constexpr grammar::Option<InfoOptions> info_table[] = {
    {{"format", 'f', "FORMAT", "table, json, or a template like {{.Driver}}"},
     [](InfoOptions& o, std::string_view v) { o.format = v; }},
};

struct PruneOptions {
  bool all = false, volumes = false, force = false;
  std::vector<std::string> filters;
};

constexpr grammar::Option<PruneOptions> prune_table[] = {
    {{"all", 'a', "", "images that no container uses, too"},
     [](PruneOptions& o, std::string_view v) { o.all = on(v); }},
    {{"filter", 0, "KEY=VALUE", "only those: label=, label!=, until="},
     [](PruneOptions& o, std::string_view v) { o.filters.emplace_back(v); }},
    {{"force", 'f', "", "do not ask"}, [](PruneOptions& o, std::string_view v) { o.force = on(v); }},
    {{"volumes", 0, "", "volumes that no container uses, too"},
     [](PruneOptions& o, std::string_view v) { o.volumes = on(v); }},
};

std::string file_system_of(const std::string& path) {
  struct statfs fs {};
  if (::statfs(path.c_str(), &fs) < 0) return "unknown";
  switch (static_cast<unsigned long>(fs.f_type)) {
    case 0xef53: return "ext4";
    case 0x58465342: return "xfs";
    case 0x9123683e: return "btrfs";
    case 0x01021994: return "tmpfs";
    case 0x794c7630: return "overlay";
    case 0x2fc12fc1: return "zfs";
    case 0x6969: return "nfs";
    default: return cat(static_cast<unsigned long>(fs.f_type));
  }
}

// os-release(5), which has the value quoted or bare.
std::string operating_system() {
  constexpr std::size_t most = 64 << 10;
  for (const auto path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const std::string text = read_file_if_exists(AT_FDCWD, path, most).value_or("");
    for (auto line : split(text, '\n')) {
      constexpr std::string_view key = "PRETTY_NAME=";
      if (!line.starts_with(key)) continue;
      line.remove_prefix(key.size());
      if (line.size() > 1 && (line[0] == '"' || line[0] == '\'')) line = line.substr(1, line.size() - 2);
      return std::string(line);
    }
  }
  return "Linux";
}

// docker's words for what keeps containers in.
std::vector<std::string> security_options(bool cgroup_v2) {
  std::vector<std::string> out;
  const auto apparmor = read_file_if_exists(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 64);
  if (apparmor && apparmor->starts_with("Y")) out.emplace_back("name=apparmor");
  out.emplace_back("name=seccomp,profile=builtin");
  if (::access("/sys/fs/selinux/enforce", F_OK) == 0) out.emplace_back("name=selinux");
  if (cgroup_v2) out.emplace_back("name=cgroupns");
  return out;
}

template <typename Options, std::size_t size>
void parse_options(std::string_view verb, const grammar::Option<Options> (&rows)[size], Options& options,
                   Args args) {
  const auto rest = grammar::parse(verb, table(rows), options, args, grammar::Positionals::mixed);
  refuse_surplus(verb, rest);
}

}  // namespace

Rows info_rows() {
  return grammar::rows_of(table(info_table));
}
Rows system_prune_rows() {
  return grammar::rows_of(table(prune_table));
}

int system_info(const Room& room, Args args) {
  InfoOptions options;
  parse_options("info", info_table, options, args);
  const auto warn = [](const Error& error) { log::warn(error.what()); };
  const auto all = room.registry.list(warn);
  std::size_t running = 0, paused = 0;
  for (const auto& facts : all) {
    const auto live = look(room.registry, facts);
    running += live.status == containers::Status::running ? 1 : 0;
    paused += live.status == containers::Status::paused ? 1 : 0;
  }
  struct utsname host {};
  ::uname(&host);
  const bool v2 = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  json::Writer w;
  w.object([&] {
    w.member("Containers", all.size());
    w.member("ContainersRunning", running);
    w.member("ContainersPaused", paused);
    w.member("ContainersStopped", all.size() - running - paused);
    w.member("Images", room.store.list(warn).size());
    w.member("Driver", "overlay");
    w.member("BackingFilesystem", file_system_of(room.registry.root()));
    w.member("CgroupVersion", v2 ? "2" : "1");
    w.member("CgroupDriver", "cgroupfs");
    w.member("LoggingDriver", "k8s-file");
    w.member("SecurityOptions", security_options(v2));
    w.member("KernelVersion", host.release);
    w.member("OperatingSystem", operating_system());
    w.member("OSType", "linux");
    w.member("Architecture", host.machine);
    w.member("Name", host.nodename);
    w.member("NCPU", ::sysconf(_SC_NPROCESSORS_ONLN));
    w.member("MemTotal", static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                             static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    w.member("DefaultRuntime", runtime());
    w.member("DockerRootDir", room.registry.root());
    w.member("RockerRootDir", room.registry.root());
    w.member("StateDir", room.registry.run_directory());
    w.member("ServerVersion", ROCKER_VERSION);
  });
  if (options.format == "json") {
    print(w.text());
  } else if (!options.format.empty()) {
    const auto document = json::Document::parse(w.text(), "info");
    print(cat(Template(options.format).render(document.root()), "\n"));
  } else {
    std::string out;
    const auto document = json::Document::parse(w.text(), "info");
    document.root().each_member([&](const std::string& name, const json::Value& value) {
      out += cat(name, ": ", value.is_string() ? value.as_string() : value.text(), "\n");
    });
    print(out);
  }
  return 0;
}

int system_prune(const Room& room, Args args) {
  PruneOptions options;
  parse_options("system prune", prune_table, options, args);
  const PruneFilter filter(options.filters, "system prune");
  const Filters of_containers(options.filters, "system prune", room.registry);
  if (options.volumes && of_containers.has("until"))
    throw Error("system prune: --filter until is not for --volumes: a volume has no age")
        .hint("prune them by label");
  if (!confirmed(options.force,
                 cat("all stopped containers", options.all ? ", all images without a container" : "",
                     options.volumes ? ", all volumes without a container" : "",
                     ", and what killed imports have left")))
    return 0;
  std::uint64_t bytes = prune_containers(room, of_containers);
  std::string removed;
  const auto images = prune_images(room, options.all, filter);
  for (const auto& name : images.names) removed += cat(name, "\n");
  if (!removed.empty()) print(cat("Deleted Images:\n", removed, "\n"));
  bytes += images.bytes;
  // The state of containers that are gone, and what their folders left mounted, went with them. The runtime's
  // folder stays.
  if (options.volumes) bytes += prune_volumes(room, filter);
  print(cat("Total reclaimed space: ", format_size(bytes), "\n"));
  return 0;
}

}  // namespace rocker::verbs
