#include <fcntl.h>
#include <unistd.h>

#include <map>

#include "rocker-runc/commands/commands.hh"
#include "spec/json.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

namespace {

constexpr std::size_t most_json = 1u << 20;

std::uint64_t natural(std::int64_t number, std::string_view option) {
  if (number < 0) throw Error(cat("update: ", option, ": ", number, " is out of range, expected 0 or more"));
  return static_cast<std::uint64_t>(number);
}

struct Options {
  std::string id, file, l3_cache_schema, mem_bw_schema;
  std::map<std::string, std::string> values;  // of the options below, as they were given
};

// What an option sets, and what it takes.
struct Setting {
  enum class Kind { number, size, text };
  const char* option;
  Kind kind;
  const char* description;
  void (*set)(spec::Resources&, std::int64_t number, const std::string& text);
};

using Kind = Setting::Kind;
using R = spec::Resources;

constexpr Setting settings[] = {
    {"--blkio-weight", Kind::number, "weight of block I/O, 10 to 1000",
     [](R& r, std::int64_t n, const std::string&) {
       if (n < 0 || n > 1000)
         throw Error(cat("update: --blkio-weight: ", n, " is out of range, expected 10 to 1000"));
       r.block_io.weight = static_cast<std::uint16_t>(n);
     }},
    {"--cpu-period", Kind::number, "period of the CPU quota, in microseconds",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.period = natural(n, "--cpu-period"); }},
    {"--cpu-quota", Kind::number, "CPU time a period, in microseconds; -1: no limit",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.quota = n; }},
    {"--cpu-burst", Kind::number, "CPU time that may be saved up, in microseconds",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.burst = natural(n, "--cpu-burst"); }},
    {"--cpu-share", Kind::number, "relative share of CPU time, 2 to 262144",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.shares = natural(n, "--cpu-share"); }},
    {"--cpu-rt-period", Kind::number, "real-time period, in microseconds",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.realtime_period = natural(n, "--cpu-rt-period"); }},
    {"--cpu-rt-runtime", Kind::number, "real-time runtime, in microseconds",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.realtime_runtime = n; }},
    {"--cpu-idle", Kind::number, "1: run only when nobody else wants to (SCHED_IDLE)",
     [](R& r, std::int64_t n, const std::string&) { r.cpu.idle = n; }},
    {"--cpuset-cpus", Kind::text, "CPUs, like 0-3,7",
     [](R& r, std::int64_t, const std::string& text) { r.cpu.cpus = text; }},
    {"--cpuset-mems", Kind::text, "memory nodes, like 0-1",
     [](R& r, std::int64_t, const std::string& text) { r.cpu.mems = text; }},
    {"--memory", Kind::size, "memory, in bytes or like 256m; -1: no limit",
     [](R& r, std::int64_t n, const std::string&) { r.memory.limit = n; }},
    {"--memory-reservation", Kind::size, "memory that is kept for it, in bytes or like 128m",
     [](R& r, std::int64_t n, const std::string&) { r.memory.reservation = n; }},
    {"--memory-swap", Kind::size, "memory and swap together, in bytes or like 512m; -1: no limit",
     [](R& r, std::int64_t n, const std::string&) { r.memory.swap = n; }},
    {"--kernel-memory", Kind::size, "kernel memory (v1), in bytes or like 64m",
     [](R& r, std::int64_t n, const std::string&) { r.memory.kernel = n; }},
    {"--kernel-memory-tcp", Kind::size, "memory of TCP buffers (v1), in bytes or like 64m",
     [](R& r, std::int64_t n, const std::string&) { r.memory.kernel_tcp = n; }},
    {"--pids-limit", Kind::number, "number of processes; -1: no limit",
     [](R& r, std::int64_t n, const std::string&) { r.pids_limit = n; }},
};

void define(CommandLine& app, Options& o) {
  app.add_option("-r,--resources", o.file, "file with linux.resources as JSON, - for standard input; alone");
  for (const auto& setting : settings)
    app.add_option(setting.option, o.values[setting.option], setting.description);
  app.add_option("--l3-cache-schema", o.l3_cache_schema, "Intel RDT: L3 cache schema");
  app.add_option("--mem-bw-schema", o.mem_bw_schema, "Intel RDT: memory bandwidth schema");
  app.add_option("ID", o.id, "the container")->required();
}

std::int64_t parse_value(const Setting& setting, const std::string& text) {
  long long number = 0;
  if (setting.kind == Kind::text) return 0;
  if (setting.kind == Kind::number || text == "-1") {
    if (parse_number(text, number)) return number;
    throw Error(cat("update: ", setting.option, ": expected a number, found \"", printable(text), "\""));
  }
  const std::uint64_t size = parse_size(text, cat("update: ", setting.option));
  if (size > INT64_MAX) throw Error(cat("update: ", setting.option, ": ", text, " is out of range"));
  return static_cast<std::int64_t>(size);
}

spec::Resources from_options(const Options& o) {
  spec::Resources resources;
  for (const auto& setting : settings) {
    const std::string& text = o.values.at(setting.option);
    if (!text.empty()) setting.set(resources, parse_value(setting, text), text);
  }
  return resources;
}

spec::Resources from_json(const std::string& file) {
  const bool standard_input = file == "-";
  std::string text =
      standard_input ? read_all(STDIN_FILENO, "standard input", most_json) : read_file(file, most_json);
  const auto document = json::Document::parse(std::move(text), standard_input ? "standard input" : file);
  if (!document.root().is_object()) throw document.root().error("expected an object, linux.resources");
  spec::Resources resources;
  spec::read(document.root(), resources);
  return resources;
}

// The device rules that hold now.
std::vector<spec::DeviceRule> present_devices(const Container& container) {
  if (container.record().devices) return *container.record().devices;
  const spec::Config config = container.config();
  return config.linux_.resources ? config.linux_.resources->devices : std::vector<spec::DeviceRule>();
}

void check_rdt(const IntelRdtState& state) {
  if (!state.clos_directory.empty()) return;
  throw Error("update: the container has no resctrl group of its own, whose schemata could be changed")
      .hint("give it linux.intelRdt in its config.json, on a host with Intel RDT");
}

}  // namespace

int update(const Globals& globals, const std::vector<std::string>& args) {
  Options o;
  CommandLine app("update", "ID", "Changes the limits of a container that runs.");
  define(app, o);
  if (!app.read(args)) return 0;
  // As runc does: a file is the whole update, and the options beside it are not looked at.
  spec::Resources resources = o.file.empty() ? from_options(o) : from_json(o.file);

  Container container = Container::load(globals.root, o.id);
  const FileLock lock = container.lock();
  if (container.status() == Status::stopped) {
    throw Error(cat("cannot update container \"", o.id, "\": container not running"));
  }
  // Both in one write: the kernel takes all lines or none.
  std::string schemata;
  for (const std::string* schema : {&o.l3_cache_schema, &o.mem_bw_schema}) {
    if (!schema->empty()) schemata += cat(*schema, "\n");
  }
  if (!schemata.empty()) check_rdt(container.record().intel_rdt);
  cgroup::Manager::Update how;
  if (!resources.devices.empty()) {
    how.devices_before = present_devices(container);
    // Rules that are those which the container has are no update: engines send all that they know of its
    // resources, and what somebody else has allowed it meanwhile (GPUs, by hooks of their makers) stays so.
    if (how.devices_before == resources.devices) resources.devices.clear();
  }
  if (!schemata.empty()) {
    how.last = [&] {
      write_existing(AT_FDCWD, cat(container.record().intel_rdt.clos_directory, "/schemata"), schemata);
    };
  }
  container.need_cgroups("update").update(resources, how);
  // Not before: what is refused is put back.
  if (!resources.devices.empty()) {
    container.record().devices = resources.devices;
    container.save();
  }
  return 0;
}

}  // namespace rocker::commands
