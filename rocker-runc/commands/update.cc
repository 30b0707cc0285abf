#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "rocker-runc/commands/commands.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

namespace {

constexpr std::size_t most_json = 1u << 20;

struct Options {
  std::string id, file, memory, reservation, swap, kernel, kernel_tcp, l3_cache_schema, mem_bw_schema;
  spec::Resources resources;
};

void define(CLI::App& app, Options& o) {
  auto& r = o.resources;
  app.add_option("-r,--resources", o.file, "file with linux.resources as JSON, - for standard input; alone");
  app.add_option("--blkio-weight", r.block_io.weight, "weight of block I/O, 10 to 1000");
  app.add_option("--cpu-period", r.cpu.period, "period of the CPU quota, in microseconds");
  app.add_option("--cpu-quota", r.cpu.quota, "CPU time a period, in microseconds; -1: no limit");
  app.add_option("--cpu-burst", r.cpu.burst, "CPU time that may be saved up, in microseconds");
  app.add_option("--cpu-share", r.cpu.shares, "relative share of CPU time, 2 to 262144");
  app.add_option("--cpu-rt-period", r.cpu.realtime_period, "real-time period, in microseconds");
  app.add_option("--cpu-rt-runtime", r.cpu.realtime_runtime, "real-time runtime, in microseconds");
  app.add_option("--cpuset-cpus", r.cpu.cpus, "CPUs, like 0-3,7");
  app.add_option("--cpuset-mems", r.cpu.mems, "memory nodes, like 0-1");
  app.add_option("--cpu-idle", r.cpu.idle, "1: run only when nobody else wants to (SCHED_IDLE)");
  app.add_option("--memory", o.memory, "memory, in bytes or like 256m; -1: no limit");
  app.add_option("--memory-reservation", o.reservation, "memory that is kept for it, in bytes or like 128m");
  app.add_option("--memory-swap", o.swap, "memory and swap together, in bytes or like 512m; -1: no limit");
  app.add_option("--kernel-memory", o.kernel, "kernel memory (v1), in bytes or like 64m");
  app.add_option("--kernel-memory-tcp", o.kernel_tcp, "memory of TCP buffers (v1), in bytes or like 64m");
  app.add_option("--pids-limit", r.pids_limit, "number of processes; -1: no limit");
  app.add_option("--l3-cache-schema", o.l3_cache_schema, "Intel RDT: L3 cache schema");
  app.add_option("--mem-bw-schema", o.mem_bw_schema, "Intel RDT: memory bandwidth schema");
  app.add_option("ID", o.id, "the container")->required();
}

void bytes(std::optional<std::int64_t>& out, const std::string& text, std::string_view option) {
  if (text.empty()) return;
  if (text == "-1") {
    out = -1;
    return;
  }
  const std::uint64_t size = parse_size(text, option);
  if (size > INT64_MAX) throw Error(cat("update: ", option, ": ", text, " is out of range"));
  out = static_cast<std::int64_t>(size);
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

void update_rdt(const IntelRdtState& state, const Options& o) {
  if (state.clos_directory.empty()) {
    throw Error("update: the container has no resctrl group of its own, whose schemata could be changed")
        .hint("give it linux.intelRdt in its config.json, on a host with Intel RDT");
  }
  for (const std::string* schema : {&o.l3_cache_schema, &o.mem_bw_schema}) {
    if (schema->empty()) continue;
    write_existing(AT_FDCWD, cat(state.clos_directory, "/schemata"), cat(*schema, "\n"));
  }
}

}  // namespace

int update(const Globals& globals, std::vector<std::string> args) {
  Options o;
  CLI::App app("Changes the limits of a container that runs.", "update");
  define(app, o);
  if (!parse(app, std::move(args))) return 0;
  bytes(o.resources.memory.limit, o.memory, "--memory");
  bytes(o.resources.memory.reservation, o.reservation, "--memory-reservation");
  bytes(o.resources.memory.swap, o.swap, "--memory-swap");
  bytes(o.resources.memory.kernel, o.kernel, "--kernel-memory");
  bytes(o.resources.memory.kernel_tcp, o.kernel_tcp, "--kernel-memory-tcp");
  // As runc does: the file is the whole update, and the options beside it are not looked at.
  if (!o.file.empty()) o.resources = from_json(o.file);

  const Container container = Container::load(globals.root, o.id);
  const FileLock lock = container.lock();
  if (container.status() == Status::stopped) {
    throw Error(cat("cannot update container \"", o.id, "\": container not running"));
  }
  container.cgroups().set(o.resources, true);
  if (!o.l3_cache_schema.empty() || !o.mem_bw_schema.empty()) update_rdt(container.record().intel_rdt, o);
  return 0;
}

}  // namespace rocker::commands
