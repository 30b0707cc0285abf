// features (features.md, features-linux.md): made from the tables that the parser and the runtime use.
#include <unistd.h>

#include "rocker-runc/commands/commands.hh"
#include "rocker-runc/intel_rdt.hh"
#include "rocker-runc/process/attributes.hh"
#include "rocker-runc/process/capabilities.hh"
#include "rocker-runc/process/seccomp.hh"
#include "rocker-runc/rootfs/mount_options.hh"
#include "spec/config.hh"
#include "spec/json.hh"
#include "spec/support/command_line.hh"
#include "spec/support/file.hh"

namespace rocker::commands {

namespace {

std::vector<std::string> namespace_names() {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(spec::NamespaceType::time); ++i) {
    names.emplace_back(spec::name(static_cast<spec::NamespaceType>(i)));
  }
  return names;
}

void write_linux(json::Writer& w) {
  w.member("namespaces", namespace_names());
  w.member("capabilities", process::known_capabilities());
  w.object("cgroup", [&] {
    w.member("v1", true);
    w.member("v2", true);
    w.member("systemd", true);
    w.member("systemdUser", true);
    w.member("rdma", true);
  });
  w.object("seccomp", [&] {
    w.member("enabled", true);
    w.member("actions", process::known_seccomp_actions());
    w.member("operators", process::known_seccomp_operators());
    w.member("archs", process::known_seccomp_architectures());
    w.member("knownFlags", process::known_seccomp_flags());
    w.member("supportedFlags", process::known_seccomp_flags());
  });
  w.object("apparmor", [&] { w.member("enabled", true); });
  w.object("selinux", [&] { w.member("enabled", true); });
  w.object("intelRdt", [&] {
    w.member("enabled", true);
    w.member("schemata", true);
    w.member("monitoring", true);
  });
  w.object("memoryPolicy", [&] {
    w.member("modes", process::known_memory_policy_modes());
    w.member("flags", process::known_memory_policy_flags());
  });
  w.object("mountExtensions", [&] { w.object("idmap", [&] { w.member("enabled", true); }); });
  w.object("netDevices", [&] { w.member("enabled", true); });
}

}  // namespace

int features(const Globals&, const std::vector<std::string>& args) {
  CommandLine app("features", "", "Prints what this runtime supports, as the OCI features document.");
  if (!app.read(args)) return 0;
  json::Writer w;
  w.object([&] {
    w.member("ociVersionMin", "1.0.0");
    w.member("ociVersionMax", spec::oci_version);
    w.member("hooks", std::vector<std::string>{"prestart", "createRuntime", "createContainer",
                                               "startContainer", "poststart", "poststop"});
    w.member("mountOptions", rootfs::known_mount_options());
    w.object("linux", [&] { write_linux(w); });
    w.object("annotations", [&] {
      w.member("io.github.seccomp.libseccomp.version", process::libseccomp_version());
      w.member("org.opencontainers.runc.version", ROCKER_VERSION);
    });
    w.member("potentiallyUnsafeConfigAnnotations", std::vector<std::string>{"org.systemd.property."});
  });
  write_all(STDOUT_FILENO, w.text(), "standard output");
  return 0;
}

}  // namespace rocker::commands
