// inspect of a container.
#include <algorithm>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/verbs/documents.hh"
#include "rocker-image/verbs/tree_size.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/image.hh"
#include "spec/support/file.hh"

namespace rocker::verbs {

using namespace containers;

void write_names(json::Writer& w, std::string_view member, const std::vector<std::string>& names) {
  if (!names.empty()) {
    return w.object(member, [&] {
      for (const auto& name : names) w.object(name, [] {});
    });
  }
  w.key(member);
  w.null();
}

namespace {

void write_null(json::Writer& w, std::string_view member) {
  w.key(member);
  w.null();
}

void write_state(json::Writer& w, const Facts& f, const Live& live) {
  // docker: one between two lives counts as running.
  const bool restarting = live.status == Status::restarting;
  const auto code = f.exit_code || !restarting ? f.exit_code : f.exit_code_before;
  w.object("State", [&] {
    w.member("Status", name(live.status));
    w.member("Running", live.pid != 0 || restarting);
    w.member("Paused", live.status == Status::paused);
    w.member("Restarting", restarting);
    w.member("OOMKilled", f.oom_killed);
    w.member("Dead", live.status == Status::dead);
    w.member("Pid", live.pid);
    w.member("ExitCode", code.value_or(live.status == Status::exited ? 255 : 0));
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

void write_config_part(json::Writer& w, const Facts& f, const spec::Config& c) {
  const auto& g = f.given;
  std::vector<std::string> volumes;
  for (const auto& mount : g.mounts) {
    if (std::find(f.anonymous_volumes.begin(), f.anonymous_volumes.end(), mount.name) !=
        f.anonymous_volumes.end())
      volumes.push_back(mount.destination);
  }
  w.object("Config", [&] {
    w.member("Hostname", c.hostname);
    w.member("Domainname", c.domainname);
    w.member("User", g.user);
    w.member("AttachStdin", g.attached && f.interactive);
    w.member("AttachStdout", g.attached);
    w.member("AttachStderr", g.attached);
    w.member("Tty", f.tty);
    w.member("OpenStdin", f.interactive);
    w.member("StdinOnce", g.attached && f.interactive);
    w.member("Env", c.process ? c.process->env : std::vector<std::string>());
    w.member("Cmd", g.cmd.empty() && g.entrypoint.empty() ? f.command : g.cmd);
    if (g.entrypoint.empty()) {
      write_null(w, "Entrypoint");
    } else {
      w.member("Entrypoint", g.entrypoint);
    }
    write_names(w, "Volumes", volumes);
    write_null(w, "OnBuild");
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
      w.unless_empty("StartInterval", f.check.start_interval * nanoseconds);
      w.member("Retries", f.check.retries);
    });
  });
}

void write_mounts(json::Writer& w, const Facts& f, const std::string& root) {
  w.array("Mounts", [&] {
    for (const auto& mount : f.given.mounts) {
      const bool volume = mount.type == "volume";
      w.object([&] {
        w.member("Type", mount.type);
        if (volume) w.member("Name", mount.name);
        w.member("Source", volume ? cat(root, "/volumes/", mount.name, "/_data") : mount.source);
        w.member("Destination", mount.destination);
        if (volume) w.member("Driver", "local");
        w.member("Mode", mount.mode);
        w.member("RW", !mount.readonly);
        w.member("Propagation", mount.propagation);
      });
    }
  });
}

// docker: what the container has written, and that with its image.
void write_size(json::Writer& w, const Room& room, const std::string& dir) {
  const std::uint64_t written = tree_size(cat(dir, "/overlay/upper"));
  w.member("SizeRw", written);
  const auto record = bundle::load_record(dir);
  w.member("SizeRootFs", written + room.store.find_generation(record.image, record.generation).record.size);
}

// docker's members for a container without a network of an engine's.
void write_network(json::Writer& w, const Facts& f, const Live& live) {
  const auto addresses = [&] {
    for (const auto name :
         {"EndpointID", "Gateway", "IPAddress", "IPv6Gateway", "GlobalIPv6Address", "MacAddress"})
      w.member(name, "");
    w.member("IPPrefixLen", 0);
    w.member("GlobalIPv6PrefixLen", 0);
  };
  w.object("NetworkSettings", [&] {
    w.member("Bridge", "");
    w.member("SandboxID", "");
    w.member("SandboxKey", live.pid != 0 ? cat("/proc/", live.pid, "/ns/net") : std::string());
    w.object("Ports", [] {});
    addresses();
    w.object("Networks", [&] {
      // Who joins another container's network has none of his own.
      if (f.network.starts_with("container:")) return;
      w.object(f.network, [&] {
        for (const auto name : {"IPAMConfig", "Links", "Aliases", "DriverOpts"}) write_null(w, name);
        w.member("NetworkID", "");
        addresses();
      });
    });
  });
}

}  // namespace

std::string container_json(const Room& room, Facts f, bool size) {
  const Live live = settle(room.registry, f);
  keep_checked(room, f, live);
  const std::string dir = room.registry.directory(f.id);
  spec::Config config;
  try {
    if (!f.incomplete) config = spec::load_config(dir);
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
    w.member("MountLabel", "");
    w.member("ProcessLabel", config.process ? config.process->selinux_label : std::string());
    w.member("AppArmorProfile", config.process ? config.process->apparmor_profile : std::string());
    write_null(w, "ExecIDs");
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
    if (size) write_size(w, room, dir);
    write_host_config(w, f, config);
    write_mounts(w, f, room.registry.root());
    write_config_part(w, f, config);
    write_network(w, f, live);
  });
  return w.text();
}

}  // namespace rocker::verbs
