// config.json, the parts that are the same on every POSIX system: config.md.
#include "spec/config.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::spec {

namespace {

constexpr std::size_t largest_config = 16u << 20;

// config.md, "Specification version": a bundle of 1.x runs on any runtime of 1.y with y >= x. Engines write
// the version of the Go package they were built with, which runs ahead of what they use: like the peers, only
// the major version is held against it.
void check_version(const json::Value& v, const std::string& version) {
  const auto core = version.substr(0, version.find_first_of("-+"));
  const auto parts = split(core, '.');
  long long major = -1;
  bool semver = parts.size() == 3 && !core.empty();
  for (const auto part : parts) {
    long long number = 0;
    semver = semver && parse_number(part, number) && number >= 0 && (part.size() == 1 || part[0] != '0');
  }
  if (!semver) throw v.error(cat("expected a version like \"1.3.0\" (SemVer 2.0.0), found ", v.shown()));
  parse_number(parts[0], major);
  if (major != 1) {
    throw v.error(
        cat("version ", version, " is not supported, this is an OCI runtime of 1.0 to ", oci_version));
  }
}

}  // namespace

static void read(const json::Value& v, User& user) {
  v.member("uid", user.uid);
  v.member("gid", user.gid);
  v.member("umask", user.umask);
  v.member("additionalGids", user.additional_gids);
}

static void read(const json::Value& v, ConsoleSize& size) {
  v.require("height", size.height);
  v.require("width", size.width);
}

static void read(const json::Value& v, Rlimit& limit) {
  v.require("type", limit.type);
  v.require("soft", limit.soft);
  v.require("hard", limit.hard);
}

static void read(const json::Value& v, Capabilities& caps) {
  v.member("bounding", caps.bounding);
  v.member("effective", caps.effective);
  v.member("permitted", caps.permitted);
  v.member("inheritable", caps.inheritable);
  v.member("ambient", caps.ambient);
}

static void read(const json::Value& v, Scheduler& s) {
  v.require("policy", s.policy);
  v.member("nice", s.nice);
  v.member("priority", s.priority);
  v.member("flags", s.flags);
  v.member("runtime", s.runtime);
  v.member("deadline", s.deadline);
  v.member("period", s.period);
}

static void read(const json::Value& v, IoPriority& p) {
  v.require("class", p.klass);
  v.require("priority", p.priority);
}

static void read(const json::Value& v, CpuAffinity& a) {
  v.member("initial", a.initial);
  v.member("final", a.final);
}

void read(const json::Value& v, Process& p) {
  v.member("terminal", p.terminal);
  // "Runtimes MUST ignore consoleSize if terminal is false or unset."
  if (p.terminal) v.member("consoleSize", p.console_size);
  v.member("user", p.user);
  v.member("args", p.args);
  v.member("env", p.env);
  v.require("cwd", p.cwd);
  if (!p.cwd.starts_with('/')) {
    throw v.at("cwd").error(cat("expected an absolute path, found ", v.at("cwd").shown()));
  }
  v.member("capabilities", p.capabilities);
  v.member("rlimits", p.rlimits);
  for (std::size_t i = 0; i < p.rlimits.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (p.rlimits[i].type == p.rlimits[j].type) {
        throw v.at("rlimits").error(cat("\"", printable(p.rlimits[i].type), "\" is there twice"));
      }
    }
  }
  v.member("noNewPrivileges", p.no_new_privileges);
  v.member("oomScoreAdj", p.oom_score_adj);
  v.member("apparmorProfile", p.apparmor_profile);
  v.member("selinuxLabel", p.selinux_label);
  v.member("scheduler", p.scheduler);
  v.member("ioPriority", p.io_priority);
  v.member("execCPUAffinity", p.exec_cpu_affinity);
}

static void read(const json::Value& v, Root& root) {
  v.require("path", root.path);
  if (root.path.empty()) throw v.at("path").error("is empty, expected the directory of the root file system");
  v.member("readonly", root.readonly);
}

static void read(const json::Value& v, Hook& hook) {
  v.require("path", hook.path);
  if (!hook.path.starts_with('/')) {
    throw v.at("path").error(cat("expected an absolute path, found ", v.at("path").shown()));
  }
  v.member("args", hook.args);
  v.member("env", hook.env);
  v.member("timeout", hook.timeout);
  if (hook.timeout && *hook.timeout <= 0) {
    throw v.at("timeout").error(cat("expected seconds greater than zero, found ", *hook.timeout));
  }
}

void read(const json::Value& v, Hooks& hooks) {
  v.member("prestart", hooks.prestart);
  v.member("createRuntime", hooks.create_runtime);
  v.member("createContainer", hooks.create_container);
  v.member("startContainer", hooks.start_container);
  v.member("poststart", hooks.poststart);
  v.member("poststop", hooks.poststop);
}

void read(const json::Value& v, IdMapping& map);  // config_linux.cc

static void read(const json::Value& v, Mount& m) {
  v.require("destination", m.destination);
  if (m.destination.empty()) throw v.at("destination").error("is empty, expected a path in the container");
  v.member("type", m.type);
  v.member("source", m.source);
  v.member("options", m.options);
  v.member("uidMappings", m.uid_mappings);
  v.member("gidMappings", m.gid_mappings);
  if (m.uid_mappings.empty() != m.gid_mappings.empty()) {
    throw v.error("\"uidMappings\" and \"gidMappings\" must be given together");
  }
}

static void read(const json::Value& v, Config& c) {
  v.require("ociVersion", c.oci_version);
  check_version(v.at("ociVersion"), c.oci_version);
  v.member("process", c.process);
  v.require("root", c.root);
  v.member("hostname", c.hostname);
  v.member("domainname", c.domainname);
  v.member("mounts", c.mounts);
  v.member("hooks", c.hooks);
  v.member("annotations", c.annotations);
  v.member("linux", c.linux_);
}

Config parse_config(std::string text, std::string name) {
  const auto document = json::Document::parse(std::move(text), std::move(name));
  Config config;
  read(document.root(), config);
  return config;
}

Config load_config(const std::string& bundle, std::string* text, const std::string& file) {
  const std::string path = file.empty() ? cat(bundle, "/config.json") : file;
  struct stat st {};
  if (::stat(bundle.c_str(), &st) < 0) throw system_error(cat("bundle ", bundle));
  if (!S_ISDIR(st.st_mode)) throw Error(cat("bundle ", bundle, ": is not a directory"), ENOTDIR);
  // O_NONBLOCK: a FIFO of that name must not hold up the runtime.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    throw system_error(path).hint("a bundle is a directory with a config.json (see rocker-runc spec)");
  }
  if (::fstat(fd.get(), &st) < 0) throw system_error(cat("stat ", path));
  if (!S_ISREG(st.st_mode)) throw Error(cat(path, ": is not a regular file"));
  std::string content = read_all(fd.get(), path, largest_config);
  if (text != nullptr) *text = content;
  return parse_config(std::move(content), path);
}

Process parse_process(std::string text, std::string name) {
  const auto document = json::Document::parse(std::move(text), std::move(name));
  Process process;
  read(document.root(), process);
  return process;
}

}  // namespace rocker::spec
