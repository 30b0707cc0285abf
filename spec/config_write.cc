// config.json as rocker writes it. What is at its default is left out, so that a reader sees what was meant.
#include "spec/config.hh"
#include "spec/json.hh"

namespace rocker::spec {

static void write(json::Writer& w, const std::vector<IdMapping>& maps) {
  w.array([&] {
    for (const auto& map : maps) {
      w.object([&] {
        w.member("containerID", map.container_id);
        w.member("hostID", map.host_id);
        w.member("size", map.size);
      });
    }
  });
}

static void write_mappings(json::Writer& w, std::string_view name, const std::vector<IdMapping>& maps) {
  if (!maps.empty()) w.key(name), write(w, maps);
}

void write(json::Writer& w, const Process& p) {
  w.object([&] {
    w.member("terminal", p.terminal);
    if (p.console_size) {
      w.object("consoleSize", [&] {
        w.member("height", p.console_size->height);
        w.member("width", p.console_size->width);
      });
    }
    w.object("user", [&] {
      w.member("uid", p.user.uid);
      w.member("gid", p.user.gid);
      w.member("umask", p.user.umask);
      w.unless_empty("additionalGids", p.user.additional_gids);
    });
    w.member("args", p.args);
    w.unless_empty("env", p.env);
    w.member("cwd", p.cwd);
    if (p.capabilities) {
      w.object("capabilities", [&] {
        w.member("bounding", p.capabilities->bounding);
        w.member("effective", p.capabilities->effective);
        w.member("permitted", p.capabilities->permitted);
        w.unless_empty("inheritable", p.capabilities->inheritable);
        w.unless_empty("ambient", p.capabilities->ambient);
      });
    }
    if (!p.rlimits.empty()) {
      w.array("rlimits", [&] {
        for (const auto& limit : p.rlimits) {
          w.object([&] {
            w.member("type", limit.type);
            w.member("hard", limit.hard);
            w.member("soft", limit.soft);
          });
        }
      });
    }
    w.member("noNewPrivileges", p.no_new_privileges);
    w.member("oomScoreAdj", p.oom_score_adj);
    w.unless_empty("apparmorProfile", p.apparmor_profile);
    w.unless_empty("selinuxLabel", p.selinux_label);
    if (const auto& s = p.scheduler) {
      w.object("scheduler", [&] {
        w.member("policy", s->policy);
        w.unless_empty("nice", s->nice);
        w.unless_empty("priority", s->priority);
        w.unless_empty("flags", s->flags);
        w.unless_empty("runtime", s->runtime);
        w.unless_empty("deadline", s->deadline);
        w.unless_empty("period", s->period);
      });
    }
    if (const auto& io = p.io_priority) {
      w.object("ioPriority", [&] {
        w.member("class", io->klass);
        w.member("priority", io->priority);
      });
    }
    if (const auto& cpu = p.exec_cpu_affinity) {
      w.object("execCPUAffinity", [&] {
        w.unless_empty("initial", cpu->initial);
        w.unless_empty("final", cpu->final);
      });
    }
  });
}

static void write(json::Writer& w, const std::vector<Hook>& hooks) {
  w.array([&] {
    for (const auto& hook : hooks) {
      w.object([&] {
        w.member("path", hook.path);
        w.unless_empty("args", hook.args);
        w.unless_empty("env", hook.env);
        w.member("timeout", hook.timeout);
      });
    }
  });
}

static void write(json::Writer& w, const Hooks& hooks) {
  w.object([&] {
    const auto one = [&](std::string_view name, const std::vector<Hook>& list) {
      if (!list.empty()) w.key(name), write(w, list);
    };
    one("prestart", hooks.prestart);
    one("createRuntime", hooks.create_runtime);
    one("createContainer", hooks.create_container);
    one("startContainer", hooks.start_container);
    one("poststart", hooks.poststart);
    one("poststop", hooks.poststop);
  });
}

static void write(json::Writer& w, const Seccomp& s) {
  w.object([&] {
    w.member("defaultAction", s.default_action);
    w.member("defaultErrnoRet", s.default_errno_ret);
    w.unless_empty("architectures", s.architectures);
    w.unless_empty("flags", s.flags);
    w.unless_empty("listenerPath", s.listener_path);
    w.unless_empty("listenerMetadata", s.listener_metadata);
    w.array("syscalls", [&] {
      for (const auto& rule : s.syscalls) {
        w.object([&] {
          w.member("names", rule.names);
          w.member("action", rule.action);
          w.member("errnoRet", rule.errno_ret);
          if (rule.args.empty()) return;
          w.array("args", [&] {
            for (const auto& arg : rule.args) {
              w.object([&] {
                w.member("index", arg.index);
                w.member("value", arg.value);
                w.unless_empty("valueTwo", arg.value_two);
                w.member("op", arg.op);
              });
            }
          });
        });
      }
    });
  });
}

static void write(json::Writer& w, const std::vector<Device>& devices) {
  w.array([&] {
    for (const auto& d : devices) {
      w.object([&] {
        w.member("path", d.path);
        w.member("type", std::string(1, d.type));
        if (d.type != 'p') {
          w.member("major", d.major);
          w.member("minor", d.minor);
        }
        w.member("fileMode", d.file_mode);
        w.member("uid", d.uid);
        w.member("gid", d.gid);
      });
    }
  });
}

void write(json::Writer& w, const Linux& l) {
  w.object([&] {
    w.array("namespaces", [&] {
      for (const auto& ns : l.namespaces) {
        w.object([&] {
          w.member("type", name(ns.type));
          w.unless_empty("path", ns.path);
        });
      }
    });
    write_mappings(w, "uidMappings", l.uid_mappings);
    write_mappings(w, "gidMappings", l.gid_mappings);
    if (!l.time_offsets.empty()) {
      w.object("timeOffsets", [&] {
        for (const auto& [clock, offset] : l.time_offsets) {
          w.object(clock, [&] {
            w.member("secs", offset.secs);
            w.member("nanosecs", offset.nanosecs);
          });
        }
      });
    }
    if (!l.devices.empty()) w.key("devices"), write(w, l.devices);
    if (!l.net_devices.empty()) {
      w.object("netDevices", [&] {
        for (const auto& [outside, device] : l.net_devices) {
          w.object(outside, [&] { w.unless_empty("name", device.name); });
        }
      });
    }
    w.unless_empty("cgroupsPath", l.cgroups_path);
    if (l.resources) w.key("resources"), write(w, *l.resources);
    if (const auto& rdt = l.intel_rdt) {
      w.object("intelRdt", [&] {
        w.unless_empty("closID", rdt->clos_id);
        w.unless_empty("l3CacheSchema", rdt->l3_cache_schema);
        w.unless_empty("memBwSchema", rdt->mem_bw_schema);
        w.unless_empty("schemata", rdt->schemata);
        w.unless_empty("enableMonitoring", rdt->enable_monitoring);
      });
    }
    if (const auto& policy = l.memory_policy) {
      w.object("memoryPolicy", [&] {
        w.member("mode", policy->mode);
        w.unless_empty("nodes", policy->nodes);
        w.unless_empty("flags", policy->flags);
      });
    }
    w.unless_empty("sysctl", l.sysctl);
    if (l.seccomp) w.key("seccomp"), write(w, *l.seccomp);
    w.unless_empty("rootfsPropagation", l.rootfs_propagation);
    w.unless_empty("maskedPaths", l.masked_paths);
    w.unless_empty("readonlyPaths", l.readonly_paths);
    w.unless_empty("mountLabel", l.mount_label);
    if (l.personality) {
      w.object("personality", [&] { w.member("domain", l.personality->domain); });
    }
  });
}

std::string write_config(const Config& c) {
  json::Writer w;
  w.object([&] {
    w.member("ociVersion", c.oci_version);
    if (c.process) w.key("process"), write(w, *c.process);
    w.object("root", [&] {
      w.member("path", c.root.path);
      w.unless_empty("readonly", c.root.readonly);
    });
    w.unless_empty("hostname", c.hostname);
    w.unless_empty("domainname", c.domainname);
    if (!c.mounts.empty()) {
      w.array("mounts", [&] {
        for (const auto& m : c.mounts) {
          w.object([&] {
            w.member("destination", m.destination);
            w.unless_empty("type", m.type);
            w.unless_empty("source", m.source);
            w.unless_empty("options", m.options);
            write_mappings(w, "uidMappings", m.uid_mappings);
            write_mappings(w, "gidMappings", m.gid_mappings);
          });
        }
      });
    }
    const auto& h = c.hooks;
    const bool any = !h.prestart.empty() || !h.create_runtime.empty() || !h.create_container.empty() ||
                     !h.start_container.empty() || !h.poststart.empty() || !h.poststop.empty();
    if (any) w.key("hooks"), write(w, h);
    w.unless_empty("annotations", c.annotations);
    w.key("linux"), write(w, c.linux_);
  });
  return w.text();
}

}  // namespace rocker::spec
