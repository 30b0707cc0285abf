#include "rocker-image/bundle/seccomp.hh"

#include <sys/utsname.h>

#include <algorithm>

#include "spec/json.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

struct Machine {
  std::string_view go_name;  // as "arches" of a profile has it
  std::string_view native;
  std::vector<std::string> also;
};

Machine machine() {
#if defined(__x86_64__)
  return {"amd64", "SCMP_ARCH_X86_64", {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}};
#elif defined(__i386__)
  return {"x86", "SCMP_ARCH_X86", {}};
#elif defined(__aarch64__)
  return {"arm64", "SCMP_ARCH_AARCH64", {"SCMP_ARCH_ARM"}};
#elif defined(__arm__)
  return {"arm", "SCMP_ARCH_ARM", {}};
#elif defined(__riscv)
  return {"riscv64", "SCMP_ARCH_RISCV64", {}};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return {"ppc64le", "SCMP_ARCH_PPC64LE", {}};
#elif defined(__s390x__)
  return {"s390x", "SCMP_ARCH_S390X", {"SCMP_ARCH_S390"}};
#else
#error "add the seccomp names of this architecture"
#endif
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Whether the running kernel is at least "MAJOR.MINOR".
bool kernel_is_at_least(const json::Value& v) {
  const std::string wanted = v.as_string();
  struct utsname host {};
  ::uname(&host);
  const auto version = [](std::string_view text, long long& major, long long& minor) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return false;
    const auto rest = text.substr(dot + 1);
    const auto end = std::min(rest.find_first_not_of("0123456789"), rest.size());
    return parse_number(text.substr(0, dot), major) && parse_number(rest.substr(0, end), minor);
  };
  long long major = 0, minor = 0, have_major = 0, have_minor = 0;
  if (!version(wanted, major, minor))
    throw v.error(cat("expected a kernel version like \"4.8\", found ", v.shown()));
  version(host.release, have_major, have_minor);
  return have_major != major ? have_major > major : have_minor >= minor;
}

// moby's profiles/seccomp: every part of `includes` must hold, and no part of `excludes` may.
bool applies(const json::Value& rule, const std::vector<std::string>& capabilities) {
  const std::string arch(machine().go_name);
  if (const auto includes = rule.find("includes")) {
    std::vector<std::string> arches, caps;
    includes->member("arches", arches);
    includes->member("caps", caps);
    if (!arches.empty() && !contains(arches, arch)) return false;
    for (const auto& cap : caps) {
      if (!contains(capabilities, cap)) return false;
    }
    if (const auto kernel = includes->find("minKernel"); kernel && !kernel_is_at_least(*kernel)) return false;
  }
  if (const auto excludes = rule.find("excludes")) {
    std::vector<std::string> arches, caps;
    excludes->member("arches", arches);
    excludes->member("caps", caps);
    if (contains(arches, arch)) return false;
    for (const auto& cap : caps) {
      if (contains(capabilities, cap)) return false;
    }
    if (const auto kernel = excludes->find("minKernel"); kernel && kernel_is_at_least(*kernel)) return false;
  }
  return true;
}

std::vector<std::string> architectures(const json::Value& profile) {
  std::vector<std::string> list;
  profile.member("architectures", list);
  const auto map = profile.find("archMap");
  if (!map) return list;
  if (!list.empty()) throw profile.error("has both architectures and archMap, expected one of them");
  map->each_element([&](const json::Value& entry) {
    if (entry.at("architecture").as_string() != machine().native) return;
    list.emplace_back(machine().native);
    if (const auto subs = entry.find("subArchitectures")) {
      subs->each_element([&](const json::Value& sub) { list.push_back(sub.as_string()); });
    }
  });
  return list;
}

spec::SeccompRule read_rule(const json::Value& v) {
  spec::SeccompRule rule;
  v.member("names", rule.names);
  std::string name;  // an older form: one call a rule
  v.member("name", name);
  if (!name.empty()) rule.names.push_back(name);
  if (rule.names.empty()) throw v.error("names no system call, expected \"names\"");
  v.require("action", rule.action);
  v.member("errnoRet", rule.errno_ret);
  const auto args = v.find("args");
  if (!args) return rule;
  args->each_element([&](const json::Value& element) {
    spec::SeccompArg arg;
    arg.index = static_cast<unsigned>(element.at("index").as_uint(5));
    element.require("value", arg.value);
    element.member("valueTwo", arg.value_two);
    element.require("op", arg.op);
    rule.args.push_back(std::move(arg));
  });
  return rule;
}

}  // namespace

std::vector<std::string> native_architectures() {
  const Machine here = machine();
  std::vector<std::string> list{std::string(here.native)};
  list.insert(list.end(), here.also.begin(), here.also.end());
  return list;
}

spec::Seccomp read_seccomp_profile(const std::string& path, const std::vector<std::string>& capabilities) {
  constexpr std::size_t most = 4 << 20;
  const auto document = json::Document::parse(read_file(path, most), path);
  const auto v = document.root();
  spec::Seccomp profile;
  v.require("defaultAction", profile.default_action);
  v.member("defaultErrnoRet", profile.default_errno_ret);
  v.member("flags", profile.flags);
  v.member("listenerPath", profile.listener_path);
  v.member("listenerMetadata", profile.listener_metadata);
  profile.architectures = architectures(v);
  if (const auto syscalls = v.find("syscalls")) {
    syscalls->each_element([&](const json::Value& rule) {
      if (applies(rule, capabilities)) profile.syscalls.push_back(read_rule(rule));
    });
  }
  return profile;
}

}  // namespace rocker::bundle
