// inspect and port: all that is known of a container, in docker's members, so that recipes of jq go on
// working.
#include <algorithm>

#include "rocker-image/template/template.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/config.hh"
#include "spec/image.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

using namespace containers;

namespace {

struct InspectOptions {
  std::string format, type;
  bool size = false;
};

constexpr grammar::Option<InspectOptions> inspect_table[] = {
    {{"format", 'f', "FORMAT", "json, or a template like {{.State.Pid}}"},
     [](InspectOptions& o, std::string_view v) { o.format = v; }},
    {{"size", 's', "", "what a container has written"},
     [](InspectOptions& o, std::string_view v) { o.size = on(v); }},
    {{"type", 0, "TYPE", "container or image"}, [](InspectOptions& o, std::string_view v) { o.type = v; }},
};

// docker leaves these out when there is nothing to say, and its templates know them all the same.
const std::vector<std::string_view> optional_members = {
    "ExposedPorts", "Health", "Healthcheck", "OnBuild", "Shell", "SizeRootFs", "SizeRw", "StopTimeout"};

void null_member(json::Writer& w, std::string_view name) {
  w.key(name);
  w.null();
}

void write_state(json::Writer& w, const Facts& f, const Live& live) {
  w.object("State", [&] {
    w.member("Status", name(live.status));
    w.member("Running", live.pid != 0);
    w.member("Paused", live.status == Status::paused);
    w.member("Restarting", false);
    w.member("OOMKilled", f.oom_killed);
    w.member("Dead", false);
    w.member("Pid", live.pid);
    w.member("ExitCode", f.exit_code.value_or(live.status == Status::exited ? 255 : 0));
    w.member("Error", f.error);
    // docker: the zero of Go's time for what has not been.
    const std::string never = "0001-01-01T00:00:00Z";
    w.member("StartedAt", f.started_ns != 0 ? spec::utc_time(f.started_ns) : never);
    w.member("FinishedAt", f.finished_ns != 0 ? spec::utc_time(f.finished_ns) : never);
    if (f.health.empty()) return;
    w.object("Health", [&] {
      w.member("Status", f.health);
      w.member("FailingStreak", f.failing_streak);
      w.array("Log", [&] {
        for (const auto& result : f.health_log) {
          w.object([&] {
            w.member("Start", spec::utc_time(result.start_ns));
            w.member("End", spec::utc_time(result.end_ns));
            w.member("ExitCode", result.exit_code);
            w.member("Output", result.output);
          });
        }
      });
    });
  });
}

void write_host_config(json::Writer& w, const Facts& f, const spec::Config& c) {
  const spec::Resources none;
  const auto& r = c.linux_.resources ? *c.linux_.resources : none;
  w.object("HostConfig", [&] {
    w.object("PortBindings", [] {});
    w.array("Binds", [&] {
      for (const auto& mount : c.mounts) {
        if (mount.type == "bind" && !mount.destination.starts_with("/etc/"))
          w.value(cat(mount.source, ":", mount.destination));
      }
    });
    w.object("LogConfig", [&] { w.member("Type", f.log_driver); });
    w.member("NetworkMode", f.network);
    w.object("RestartPolicy", [&] {
      const auto colon = f.restart.find(':');
      long long most = 0;
      if (colon != std::string::npos) parse_number(std::string_view(f.restart).substr(colon + 1), most);
      w.member("Name", f.restart.substr(0, colon));
      w.member("MaximumRetryCount", most);
    });
    w.member("AutoRemove", f.remove);
    w.member("ReadonlyRootfs", c.root.readonly);
    w.member("CgroupParent", c.linux_.cgroups_path.substr(0, c.linux_.cgroups_path.rfind('/')));
    w.member("Memory", r.memory.limit.value_or(0));
    w.member("MemoryReservation", r.memory.reservation.value_or(0));
    w.member("MemorySwap", r.memory.swap.value_or(0));
    w.member("CpuShares", r.cpu.shares.value_or(0));
    w.member("CpuPeriod", r.cpu.period.value_or(0));
    w.member("CpuQuota", r.cpu.quota.value_or(0));
    w.member("NanoCpus", r.cpu.quota && r.cpu.period && *r.cpu.quota > 0
                             ? *r.cpu.quota * 1'000'000'000 / static_cast<std::int64_t>(*r.cpu.period)
                             : 0);
    w.member("CpusetCpus", r.cpu.cpus);
    w.member("CpusetMems", r.cpu.mems);
    w.member("PidsLimit", r.pids_limit.value_or(0));
    w.member("OomScoreAdj", c.process ? c.process->oom_score_adj.value_or(0) : 0);
    w.member("Privileged", c.process && !c.linux_.seccomp && c.linux_.masked_paths.empty());
    w.member("UsernsMode", f.userns);
    if (!c.linux_.uid_mappings.empty()) {
      // podman's member: "CONTAINER:HOST:SIZE".
      const auto lines = [](const std::vector<spec::IdMapping>& maps) {
        std::vector<std::string> out;
        for (const auto& map : maps) out.push_back(cat(map.container_id, ":", map.host_id, ":", map.size));
        return out;
      };
      w.object("IDMappings", [&] {
        w.member("UidMap", lines(c.linux_.uid_mappings));
        w.member("GidMap", lines(c.linux_.gid_mappings));
      });
    }
    w.member("Runtime", "rocker-runc");
  });
}

void write_config_part(json::Writer& w, const Facts& f, const spec::Config& c) {
  w.object("Config", [&] {
    w.member("Hostname", c.hostname);
    w.member("Domainname", c.domainname);
    w.member("User", c.process ? cat(c.process->user.uid, ":", c.process->user.gid) : std::string());
    w.member("Tty", f.tty);
    w.member("OpenStdin", f.interactive);
    w.member("Env", c.process ? c.process->env : std::vector<std::string>());
    w.member("Cmd", f.command);
    null_member(w, "Entrypoint");  // it stands in front of the command that it was put before
    null_member(w, "Volumes");
    w.member("Image", f.image);
    w.member("WorkingDir", c.process ? c.process->cwd : std::string());
    w.member("Labels", f.labels);
    w.member("Annotations", c.annotations);
    w.member("StopSignal", f.stop_signal);
    if (f.stop_timeout) w.member("StopTimeout", *f.stop_timeout);
    if (f.check.command.empty()) return;
    constexpr std::uint64_t nanoseconds = 1'000'000;  // of a millisecond
    std::vector<std::string> test{"CMD"};
    test.insert(test.end(), f.check.command.begin(), f.check.command.end());
    w.object("Healthcheck", [&] {
      w.member("Test", test);
      w.member("Interval", f.check.interval * nanoseconds);
      w.member("Timeout", f.check.timeout * nanoseconds);
      w.unless_empty("StartPeriod", f.check.start_period * nanoseconds);
      w.member("Retries", f.check.retries);
    });
  });
}

void write_mounts(json::Writer& w, const Facts& f, const spec::Config& c, const std::string& root) {
  const std::string volumes = cat(root, "/volumes/");
  w.array("Mounts", [&] {
    for (const auto& mount : c.mounts) {
      const bool own = mount.source.starts_with(cat(root, "/containers/", f.id, "/"));
      if (mount.type != "bind" || own) continue;
      const bool volume = mount.source.starts_with(volumes);
      w.object([&] {
        w.member("Type", volume ? "volume" : "bind");
        if (volume)
          w.member("Name", mount.source.substr(volumes.size(), mount.source.rfind('/') - volumes.size()));
        w.member("Source", mount.source);
        w.member("Destination", mount.destination);
        w.member("Mode", "");
        w.member("RW", std::find(mount.options.begin(), mount.options.end(), "ro") == mount.options.end());
      });
    }
  });
}

// docker's members for a container without a network of an engine's.
void write_network(json::Writer& w, const Facts& f) {
  const auto addresses = [&] {
    for (const auto name : {"Gateway", "IPAddress", "IPv6Gateway", "GlobalIPv6Address", "MacAddress"})
      w.member(name, "");
    w.member("IPPrefixLen", 0);
  };
  w.object("NetworkSettings", [&] {
    w.object("Ports", [] {});
    addresses();
    w.object("Networks", [&] { w.object(f.network, addresses); });
  });
}

std::string container_json(const Room& room, const Facts& f, bool size) {
  const Live live = look(room.registry, f);
  const std::string dir = room.registry.directory(f.id);
  spec::Config config;
  try {
    config = spec::load_config(dir);
  } catch (const Error& error) {
    log::warn(error.what());  // what else is known is shown all the same
  }
  json::Writer w;
  w.object([&] {
    w.member("Id", f.id);
    w.member("Created", spec::utc_time(f.created_ns));
    w.member("Path", f.command.empty() ? std::string() : f.command[0]);
    w.member("Args",
             std::vector<std::string>(f.command.begin() + (f.command.empty() ? 0 : 1), f.command.end()));
    write_state(w, f, live);
    w.member("Image", f.image_id);
    w.member("ImageName", f.image);
    w.member("ResolvConfPath", cat(dir, "/etc/resolv.conf"));
    w.member("HostnamePath", cat(dir, "/etc/hostname"));
    w.member("HostsPath", cat(dir, "/etc/hosts"));
    w.member("LogPath", f.direct || f.log_driver == "none" ? std::string() : cat(dir, "/log"));
    w.member("Name", f.name);
    w.member("RestartCount", f.restart_count);
    w.member("Driver", "overlay");
    w.object("GraphDriver", [&] {
      w.member("Name", "overlay");
      w.object("Data", [&] {
        w.member("MergedDir", cat(dir, "/rootfs"));
        w.member("UpperDir", cat(dir, "/overlay/upper"));
        w.member("WorkDir", cat(dir, "/overlay/work"));
      });
    });
    w.member("Platform", "linux");
    w.member("Bundle", dir);
    if (size) w.member("SizeRw", tree_size(cat(dir, "/overlay/upper")));
    write_host_config(w, f, config);
    write_mounts(w, f, config, room.registry.root());
    write_config_part(w, f, config);
    write_network(w, f);
  });
  return w.text();
}

std::string image_json(const Room& room, const std::string& text) {
  const Image image = room.store.find(text);
  const auto& r = image.record;
  json::Writer w;
  w.object([&] {
    // docker's members, and then those of image.json.
    w.member("Id", r.id);
    w.member("RepoTags", std::vector<std::string>{image.reference.text()});
    w.member("Created", spec::utc_time(r.created_ns));
    w.member("Architecture", r.architecture);
    w.member("Os", r.os);
    w.member("Size", r.size);
    w.array("RepoDigests", [] {});
    w.member("Parent", "");
    w.object("RootFS", [&] {
      w.member("Type", "layers");
      w.member("Layers", r.source.diff_ids);
    });
    w.object("Config", [&] {
      w.member("User", r.config.user);
      w.member("Env", r.config.env);
      w.member("Cmd", r.config.cmd);
      w.member("Entrypoint", r.config.entrypoint);
      w.member("WorkingDir", r.config.working_dir);
      w.member("Labels", r.config.labels);
      w.member("StopSignal", r.config.stop_signal);
    });
    const auto document = json::Document::parse(spec::write_image_record(r), "image.json");
    document.root().each_member([&](const std::string& key, const json::Value& value) {
      w.key(key);
      w.raw(value.text());
    });
  });
  return w.text();
}

}  // namespace

std::vector<const grammar::Row*> inspect_rows() {
  return grammar::rows_of(table(inspect_table));
}

int inspect(const Room& room, Args args) {
  InspectOptions options;
  const auto names =
      grammar::parse("inspect", table(inspect_table), options, args, grammar::Positionals::mixed);
  std::optional<Template> format;
  if (!options.format.empty() && options.format != "json") format.emplace(options.format, optional_members);
  std::vector<std::string> found;
  const int status = for_each_name("inspect", names, [&](const std::string& text) {
    // A name may be a container's or an image's; docker looks for the container first.
    if (options.type != "image") {
      std::string id;
      try {
        id = room.registry.resolve(text);
      } catch (const Error&) {
        if (options.type == "container") throw;
      }
      if (!id.empty()) {
        found.push_back(container_json(room, room.registry.load(id), options.size));
        return;
      }
    }
    try {
      found.push_back(image_json(room, text));
    } catch (const Error& error) {
      if (options.type == "image" || !std::string_view(error.what()).starts_with("Image not found")) throw;
      throw Error(cat("No such container or image: ", printable(text)));
    }
  });
  if (!format) {
    json::Writer w;
    w.array([&] {
      for (const auto& text : found) w.raw(trim(text));
    });
    print(w.text());
    return status;
  }
  for (const auto& text : found) {
    const auto document = json::Document::parse(text, "inspect");
    print(cat(format->render(document.root()), "\n"));
  }
  return status;
}

int port(const Room& room, Args args) {
  if (args.empty()) throw Error("port: which container?");
  const Facts facts = find(room, args[0]);
  // rocker publishes no port: with --network host a container's ports are the host's own.
  if (args.size() > 1)
    throw Error(cat("No public port '", printable(args[1]), "' published for ", facts.name));
  return 0;
}

}  // namespace rocker::verbs
