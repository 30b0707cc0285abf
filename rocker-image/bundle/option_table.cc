// THE table of the options of bundle, run and create, with docker's names. A row says how an option is
// called, what its value is called, and what it sets; what docker has and rocker does not is a row that says
// what to use instead.
#include <algorithm>

#include "rocker-image/bundle/options.hh"
#include "rocker-image/bundle/values.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::bundle {

namespace {

using sv = std::string_view;
using Row = grammar::Option<Options>;

constexpr bool on(sv value) {
  return value == "true";
}

std::uint64_t bytes(sv value, sv option) {
  return parse_size(value, option);
}

// -1 is "unlimited" for the limits that know it.
std::int64_t bytes_or_unlimited(sv value, sv option) {
  return value == "-1" ? -1 : static_cast<std::int64_t>(parse_size(value, option));
}

sv one_of(sv value, sv option, std::initializer_list<sv> choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  std::string list;
  for (const auto choice : choices) list += cat(list.empty() ? "" : ", ", choice);
  throw Error(cat(option, ": expected one of ", list, ", found \"", printable(value), "\""));
}

// "host", "private" or "container:NAME".
std::string namespace_mode(sv value, sv option, bool sharable = false) {
  if (value.starts_with("container:") && value.size() > 10) return std::string(value);
  if (value.starts_with("ns:/")) return std::string(value);
  // docker's --ipc has more words for what is private.
  if (sharable && (value == "shareable" || value == "none")) return "private";
  return std::string(one_of(value, option, {"host", "private", "container:NAME", "ns:PATH"}));
}

std::string network_mode(sv value) {
  if (value.starts_with("container:") && value.size() > 10) return std::string(value);
  if (value.starts_with("ns:/")) return std::string(value);
  if (value == "none" || value == "host") return std::string(value);
  throw Error(
      cat("--network: expected none, host, container:NAME or ns:PATH, found \"", printable(value), "\""))
      .hint("rocker makes no bridge; none has a loopback interface, host has the host's network");
}

// podman's modes, of which "auto" is what it calls a range of the container's own that nobody has to choose.
std::string user_namespace(sv value) {
  if (value == "auto") return "private";
  if (value == "host" || value == "private" || (value.starts_with("container:") && value.size() > 10))
    return std::string(value);
  Error error(cat("--userns: expected host, private or container:NAME, found \"", printable(value), "\""));
  if (value.starts_with("keep-id") || value.starts_with("nomap"))
    error.hint("it is for containers without root");
  throw error;
}

void security_option(Options& o, sv value) {
  o.security_options.emplace_back(value);
  const auto cut = value.find_first_of("=:");
  const sv key = value.substr(0, cut);
  const sv rest = cut == sv::npos ? sv() : value.substr(cut + 1);
  if (key == "no-new-privileges") {
    o.new_privileges = cut != sv::npos && !grammar::parse_flag(rest, "--security-opt no-new-privileges");
  } else if (key == "seccomp") {
    o.seccomp_profile = rest == "default" || rest == "builtin" ? "" : std::string(rest);
  } else if (key == "apparmor") {
    o.apparmor_profile = rest;
  } else if (key == "label") {
    // runtime-spec has the label as one string; docker's user:, role:, type: and level: need a policy to be
    // joined with.
    if (rest != "disable" && !rest.empty() && std::count(rest.begin(), rest.end(), ':') < 3) {
      throw Error(
          cat("--security-opt label: expected \"disable\" or a whole label like "
              "system_u:system_r:container_t:s0, found \"",
              printable(rest), "\""));
    }
    o.selinux_label = rest == "disable" ? "" : std::string(rest);
  } else if (key == "systempaths" || key == "unmask") {
    one_of(rest, "--security-opt systempaths", {"unconfined", "ALL"});
    o.unmask = true;
  } else {
    throw Error(cat(
        "--security-opt: expected seccomp=FILE, no-new-privileges[=false], apparmor=PROFILE, label=LABEL or "
        "systempaths=unconfined, found \"",
        printable(value), "\""));
  }
}

void restart_policy(Options& o, sv value) {
  o.restart = parse_restart_policy(value);
}

void log_option(Options& o, sv value) {
  const auto [key, rest] = parse_pair(value, "--log-opt");
  if (key == "max-size") {
    o.log_max_size = bytes(rest, "--log-opt max-size");
  } else {
    throw Error(cat("--log-opt: expected max-size=SIZE, found \"", printable(value), "\""));
  }
}

void label_file(Options& o, sv value) {
  for (const auto& line : read_list_file(value, "--label-file"))
    o.labels.insert(parse_pair(line, "--label-file"));
}

constexpr std::int64_t most = INT64_MAX;

constexpr Row bundle_table[] = {
    {{"add-host", 0, "NAME:IP", "a line for the container's /etc/hosts"},
     [](Options& o, sv v) { o.add_hosts.emplace_back(v); }},
    {{"annotation", 0, "KEY[=VALUE]", "an annotation of config.json"},
     [](Options& o, sv v) {
       o.annotations.insert_or_assign(parse_pair(v, "--annotation").first,
                                      parse_pair(v, "--annotation").second);
     }},
    {{"blkio-weight", 0, "N", "share of block I/O, 10 to 1000"},
     [](Options& o, sv v) {
       o.resources.block_io.weight = static_cast<std::uint16_t>(parse_integer(v, "--blkio-weight", 10, 1000));
     }},
    {{"blkio-weight-device", 0, "DEVICE:N", "the share for one device"},
     [](Options& o, sv v) { o.resources.block_io.weight_device.push_back(parse_block_weight(v)); }},
    {{"cap-add", 0, "CAPABILITY", "give a capability, or ALL"},
     [](Options& o, sv v) { o.cap_add.emplace_back(v); }},
    {{"cap-drop", 0, "CAPABILITY", "take a capability, or ALL"},
     [](Options& o, sv v) { o.cap_drop.emplace_back(v); }},
    {{"cgroup-parent", 0, "PATH", "the cgroup under which the container's is made"},
     [](Options& o, sv v) { o.cgroup_parent = v; }},
    {{"cgroupns", 0, "MODE", "private (default), host, container:NAME"},
     [](Options& o, sv v) { o.cgroupns = namespace_mode(v, "--cgroupns"); }},
    {{"cpu-period", 0, "MICROSECONDS", "period of the CPU quota"},
     [](Options& o, sv v) {
       o.resources.cpu.period = static_cast<std::uint64_t>(parse_integer(v, "--cpu-period", 1000, 1'000'000));
     }},
    {{"cpu-quota", 0, "MICROSECONDS", "CPU time in a period; -1 is unlimited"},
     [](Options& o, sv v) { o.resources.cpu.quota = parse_integer(v, "--cpu-quota", -1, most); }},
    {{"cpu-shares", 'c', "N", "share of the CPU beside others, 1024 is usual", "cpushare"},
     [](Options& o, sv v) {
       o.resources.cpu.shares = static_cast<std::uint64_t>(parse_integer(v, "--cpu-shares", 2, 262'144));
     }},
    {{"cpus", 0, "N", "how many CPUs' time, 1.5; 0 is unlimited"},
     [](Options& o, sv v) {
       o.cpus = parse_cpus(v);
       if (*o.cpus == 0) o.cpus.reset();
     }},
    {{"cpuset-cpus", 0, "LIST", "which CPUs, 0-1,3", "cpuset"},
     [](Options& o, sv v) { o.resources.cpu.cpus = parse_cpu_list(v, "--cpuset-cpus"); }},
    {{"cpuset-mems", 0, "LIST", "which memory nodes"},
     [](Options& o, sv v) { o.resources.cpu.mems = parse_cpu_list(v, "--cpuset-mems"); }},
    {{"device", 0, "PATH[:PATH[:rwm]]", "a device of the host's"},
     [](Options& o, sv v) { o.devices.emplace_back(v); }},
    {{"device-read-bps", 0, "DEVICE:RATE", "bytes a second read"},
     [](Options& o, sv v) {
       o.resources.block_io.read_bps.push_back(parse_throttle(v, "--device-read-bps", true));
     }},
    {{"device-read-iops", 0, "DEVICE:RATE", "reads a second"},
     [](Options& o, sv v) {
       o.resources.block_io.read_iops.push_back(parse_throttle(v, "--device-read-iops", false));
     }},
    {{"device-write-bps", 0, "DEVICE:RATE", "bytes a second written"},
     [](Options& o, sv v) {
       o.resources.block_io.write_bps.push_back(parse_throttle(v, "--device-write-bps", true));
     }},
    {{"device-write-iops", 0, "DEVICE:RATE", "writes a second"},
     [](Options& o, sv v) {
       o.resources.block_io.write_iops.push_back(parse_throttle(v, "--device-write-iops", false));
     }},
    {{"dns", 0, "ADDRESS", "a name server for /etc/resolv.conf"},
     [](Options& o, sv v) { o.dns.emplace_back(v); }},
    {{"dns-option", 0, "OPTION", "an option for /etc/resolv.conf", "dns-opt"},
     [](Options& o, sv v) { o.dns_options.emplace_back(v); }},
    {{"dns-search", 0, "DOMAIN", "a search domain for /etc/resolv.conf"},
     [](Options& o, sv v) { o.dns_search.emplace_back(v); }},
    {{"domainname", 0, "NAME", "the NIS domain name"}, [](Options& o, sv v) { o.domainname = v; }},
    {{"entrypoint", 0, "COMMAND", "instead of the image's entry point"},
     [](Options& o, sv v) { o.entrypoint = v; }},
    {{"env", 'e', "NAME[=VALUE]", "a variable; without a value, the caller's"},
     [](Options& o, sv v) {
       parse_pair(v, "--env");
       o.env.emplace_back(v);
     }},
    {{"env-file", 0, "FILE", "a file of such lines"},
     [](Options& o, sv v) {
       for (auto& line : read_list_file(v, "--env-file")) o.env_from_files.push_back(std::move(line));
     }},
    {{"group-add", 0, "GROUP", "one more group of the user's"},
     [](Options& o, sv v) { o.groups.emplace_back(v); }},
    {{"hostname", 'h', "NAME", "the host name inside"}, [](Options& o, sv v) { o.hostname = v; }},
    {{"init", 0, "", "an init (catatonit) as PID 1 that reaps and forwards signals"},
     [](Options& o, sv v) { o.init = on(v); }},
    {{"ipc", 0, "MODE", "private (default), host, container:NAME"},
     [](Options& o, sv v) { o.ipc = namespace_mode(v, "--ipc", true); }},
    {{"label", 'l', "KEY=VALUE", "a label"},
     [](Options& o, sv v) {
       o.labels.insert_or_assign(parse_pair(v, "--label").first, parse_pair(v, "--label").second);
     }},
    {{"label-file", 0, "FILE", "a file of such lines"}, label_file},
    {{"memory", 'm', "SIZE", "memory limit: 256m, 1g"},
     [](Options& o, sv v) { o.resources.memory.limit = bytes_or_unlimited(v, "--memory"); }},
    {{"memory-reservation", 0, "SIZE", "what is left to it when memory is short"},
     [](Options& o, sv v) {
       o.resources.memory.reservation = bytes_or_unlimited(v, "--memory-reservation");
     }},
    {{"memory-swap", 0, "SIZE", "limit of memory and swap together; -1 is unlimited"},
     [](Options& o, sv v) { o.memory_swap = bytes_or_unlimited(v, "--memory-swap"); }},
    {{"memory-swappiness", 0, "N", "0 to 100"},
     [](Options& o, sv v) {
       o.resources.memory.swappiness =
           static_cast<std::uint64_t>(parse_integer(v, "--memory-swappiness", 0, 100));
     }},
    {{"mount", 0, "type=TYPE,...", "a mount: bind, volume, tmpfs"},
     [](Options& o, sv v) { o.mounts.emplace_back(v); }},
    {{"network", 0, "MODE", "none (default, loopback up), host, container:NAME, ns:PATH", "net"},
     [](Options& o, sv v) { o.network = network_mode(v); }},
    {{"oom-kill-disable", 0, "", "do not kill when memory runs out"},
     [](Options& o, sv v) { o.resources.memory.disable_oom_killer = on(v); }},
    {{"oom-score-adj", 0, "N", "how gladly the kernel kills it, -1000 to 1000"},
     [](Options& o, sv v) {
       o.oom_score_adj = static_cast<int>(parse_integer(v, "--oom-score-adj", -1000, 1000));
     }},
    {{"pid", 0, "MODE", "private (default), host, container:NAME"},
     [](Options& o, sv v) { o.pid = namespace_mode(v, "--pid"); }},
    {{"pids-limit", 0, "N", "most processes; -1 is unlimited"},
     [](Options& o, sv v) { o.resources.pids_limit = parse_integer(v, "--pids-limit", -1, most); }},
    {{"privileged", 0, "", "all capabilities and devices, nothing masked"},
     [](Options& o, sv v) { o.privileged = on(v); }},
    {{"read-only", 0, "", "a read-only root"}, [](Options& o, sv v) { o.read_only = on(v); }},
    {{"rootfs", 0, "MODE", "overlay or copy; without it overlay where it works"},
     [](Options& o, sv v) {
       o.rootfs =
           one_of(v, "--rootfs", {"overlay", "copy"}) == "copy" ? RootfsMode::copy : RootfsMode::overlay;
     }},
    {{"security-opt", 0, "OPTION", "seccomp=FILE, no-new-privileges=false, apparmor=, label="},
     security_option},
    {{"shm-size", 0, "SIZE", "size of /dev/shm, 64m is usual"},
     [](Options& o, sv v) { o.shm_size = bytes(v, "--shm-size"); }},
    {{"stop-signal", 0, "SIGNAL", "what stop sends, SIGTERM is usual"},
     [](Options& o, sv v) { o.stop_signal = parse_signal(v, "--stop-signal"); }},
    {{"sysctl", 0, "KEY=VALUE", "a kernel parameter of its namespaces"},
     [](Options& o, sv v) {
       o.sysctl.insert_or_assign(parse_pair(v, "--sysctl").first, parse_pair(v, "--sysctl").second);
     }},
    {{"tmpfs", 0, "PATH[:OPTIONS]", "a tmpfs"}, [](Options& o, sv v) { o.tmpfs.emplace_back(v); }},
    {{"tty", 't', "", "a terminal"}, [](Options& o, sv v) { o.tty = on(v); }},
    {{"ulimit", 0, "LIMIT=SOFT[:HARD]", "a resource limit"},
     [](Options& o, sv v) { o.rlimits.push_back(parse_ulimit(v)); }},
    {{"user", 'u', "USER[:GROUP]", "names of the image's, or numbers"}, [](Options& o, sv v) { o.user = v; }},
    {{"userns", 0, "MODE", "host (default), private (users of its own), container:NAME"},
     [](Options& o, sv v) { o.userns = user_namespace(v); }},
    {{"uts", 0, "MODE", "private (default), host, container:NAME"},
     [](Options& o, sv v) { o.uts = namespace_mode(v, "--uts"); }},
    {{"volume", 'v', "SOURCE:PATH[:ro]", "a folder of the host's, or a named volume"},
     [](Options& o, sv v) { o.volumes.emplace_back(v); }},
    {{"workdir", 'w', "PATH", "the working directory"}, [](Options& o, sv v) { o.workdir = v; }},
};

constexpr Row container_table[] = {
    {{"attach", 'a', "STREAM", "stdin, stdout, stderr; all are attached in the foreground"},
     [](Options& o, sv v) {
       o.attach.emplace_back(
           one_of(v, "--attach", {"stdin", "stdout", "stderr", "STDIN", "STDOUT", "STDERR"}));
     }},
    {{"cidfile", 0, "FILE", "write the container's ID there"}, [](Options& o, sv v) { o.cidfile = v; }},
    {{"detach", 'd', "", "run in the background and print the ID"},
     [](Options& o, sv v) { o.detach = on(v); }},
    {{"detach-keys", 0, "KEYS", "what leaves the container running, ctrl-p,ctrl-q"},
     [](Options& o, sv v) { o.detach_keys = v; }},
    {{"health-cmd", 0, "COMMAND", "a shell command that tells whether it is well"},
     [](Options& o, sv v) { o.health_cmd = v; }},
    {{"health-interval", 0, "TIME", "time between two checks, 30s"},
     [](Options& o, sv v) { o.health_interval = parse_duration_ms(v, "--health-interval"); }},
    {{"health-retries", 0, "N", "failures in a row that make it unhealthy, 3"},
     [](Options& o, sv v) {
       o.health_retries = static_cast<unsigned>(parse_integer(v, "--health-retries", 1, 1000));
     }},
    {{"health-start-interval", 0, "TIME", "time between two checks during the start period"},
     [](Options& o, sv v) { o.health_start_interval = parse_duration_ms(v, "--health-start-interval"); }},
    {{"health-start-period", 0, "TIME", "time to start before failures count"},
     [](Options& o, sv v) { o.health_start_period = parse_duration_ms(v, "--health-start-period"); }},
    {{"health-timeout", 0, "TIME", "time that a check may take, 30s"},
     [](Options& o, sv v) { o.health_timeout = parse_duration_ms(v, "--health-timeout"); }},
    {{"image", 0, "NAME[:TAG]", "the image, in place of the first argument"},
     [](Options& o, sv v) { o.image = v; }},
    {{"interactive", 'i', "", "keep stdin; always so in the foreground"},
     [](Options& o, sv v) { o.interactive = on(v); }},
    {{"log-driver", 0, "DRIVER", "k8s-file (default) or none"},
     [](Options& o, sv v) {
       o.log_driver = one_of(v, "--log-driver", {"k8s-file", "none"});
     }},
    {{"log-opt", 0, "max-size=SIZE", "at most that much log"}, log_option},
    {{"name", 0, "NAME", "the container's name; without it one is made"},
     [](Options& o, sv v) { o.name = v; }},
    {{"no-healthcheck", 0, "", "no check, whatever the image says"},
     [](Options& o, sv v) { o.no_healthcheck = on(v); }},
    {{"pidfile", 0, "FILE", "write the PID of its first process there"},
     [](Options& o, sv v) { o.pidfile = v; }},
    {{"platform", 0, "OS[/ARCH]", "refuse an image of another platform"},
     [](Options& o, sv v) { o.platform = v; }},
    {{"pull", 0, "never", "images are imported, never pulled"},
     [](Options&, sv v) {
       one_of(v, "--pull", {"never", "missing"});
     }},
    {{"quiet", 'q', "", "no word of a pull: there is none"}, [](Options&, sv v) { on(v); }},
    {{"restart", 0, "POLICY", "no (default), on-failure[:N], always, unless-stopped"}, restart_policy},
    {{"rm", 0, "", "remove the container when it ends"}, [](Options& o, sv v) { o.remove = on(v); }},
    {{"sig-proxy", 0, "", "signals go to a process without a terminal; always so"},
     [](Options&, sv v) {
       if (!on(v)) throw Error("--sig-proxy=false: signals always go to a process without a terminal");
     }},
    {{"stop-timeout", 0, "SECONDS", "how long stop waits, 10"},
     [](Options& o, sv v) {
       o.stop_timeout = static_cast<int>(parse_integer(v, "--stop-timeout", -1, 1'000'000));
     }},

    // What docker has and rocker does not.
    {{"cpu-count", 0, "N", "it is for Windows; use --cpus", {}, true}, nullptr},
    {{"cpu-percent", 0, "N", "it is for Windows; use --cpus", {}, true}, nullptr},
    {{"cpu-rt-period", 0, "N", "write cpu.rt_period_us of the cgroup by hand", {}, true}, nullptr},
    {{"cpu-rt-runtime", 0, "N", "write cpu.rt_runtime_us of the cgroup by hand", {}, true}, nullptr},
    {{"device-cgroup-rule", 0, "RULE", "use --device, which makes the node and the rule", {}, true}, nullptr},
    {{"disable-content-trust", 0, "", "check the tar with gpgv before `rocker import`", {}, true}, nullptr},
    {{"expose", 0, "PORT", "it documents a port and opens none; use --label", {}, true}, nullptr},
    {{"gpus", 0, "GPUS", "use --device for the nodes and --volume for the driver's libraries", {}, true},
     nullptr},
    {{"io-maxbandwidth", 0, "SIZE", "it is for Windows; use --device-read-bps", {}, true}, nullptr},
    {{"io-maxiops", 0, "N", "it is for Windows; use --device-read-iops", {}, true}, nullptr},
    {{"ip", 0, "ADDRESS", "use --network ns:PATH with a network namespace of your own", {}, true}, nullptr},
    {{"ip6", 0, "ADDRESS", "use --network ns:PATH with a network namespace of your own", {}, true}, nullptr},
    {{"link", 0, "CONTAINER", "use --network container:NAME, and --add-host for the name", {}, true},
     nullptr},
    {{"link-local-ip", 0, "ADDRESS", "use --network ns:PATH with a network namespace of your own", {}, true},
     nullptr},
    {{"mac-address",
      0,
      "ADDRESS",
      "use --network ns:PATH, and ip link set address in that namespace",
      {},
      true},
     nullptr},
    {{"net-alias", 0, "NAME", "use --add-host NAME:IP in the others", {}, true}, nullptr},
    {{"network-alias", 0, "NAME", "use --add-host NAME:IP in the others", {}, true}, nullptr},
    {{"isolation", 0, "KIND", "it is for Windows", {}, true}, nullptr},
    {{"kernel-memory", 0, "SIZE", "Linux 5.16 removed it; use --memory", {}, true}, nullptr},
    {{"publish",
      'p',
      "PORT",
      "use --network host, or --network ns:PATH with a namespace of your own",
      {},
      true},
     nullptr},
    {{"publish-all", 'P', "", "use --network host", {}, true}, nullptr},
    {{"runtime", 0, "NAME", "set ROCKER_RUNTIME to the program's path", {}, true}, nullptr},
    {{"storage-opt", 0, "OPTION", "put the store on a file system with quotas", {}, true}, nullptr},
    {{"use-api-socket", 0, "", "there is no daemon and no socket of one", {}, true}, nullptr},
    {{"volume-driver", 0, "NAME", "volumes are folders of the store", {}, true}, nullptr},
    {{"volumes-from", 0, "CONTAINER", "use --volume with a named volume in both", {}, true}, nullptr},
};

}  // namespace

std::span<const grammar::Option<Options>> bundle_options() {
  return bundle_table;
}
std::span<const grammar::Option<Options>> container_options() {
  return container_table;
}

std::vector<grammar::Option<Options>> run_options() {
  std::vector<grammar::Option<Options>> all(std::begin(bundle_table), std::end(bundle_table));
  all.insert(all.end(), std::begin(container_table), std::end(container_table));
  return all;
}

}  // namespace rocker::bundle
