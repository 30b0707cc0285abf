// The values of options that several rows of the table share. `option` names the option in errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/config.hh"

namespace rocker::bundle {

std::int64_t parse_integer(std::string_view text, std::string_view option, std::int64_t least,
                           std::int64_t most);

// "1.5" as CPUs: the quota in microseconds of a period of 100 ms. 0 is unlimited.
std::int64_t parse_cpus(std::string_view text);

// Sets the quota of --cpus and its period. Throws Error when --cpu-quota or --cpu-period have set them: one
// of the two would win.
void apply_cpus(std::optional<std::int64_t> cpus, spec::CpuResources& cpu);

// Throws Error when --cpus is more than this host has: as docker, a limit that limits nothing is a mistake.
void check_cpus_on_host(std::optional<std::int64_t> cpus);

// "0-2,5": which CPUs or memory nodes; they may be another machine's.
std::string parse_cpu_list(std::string_view text, std::string_view option);

// Throws Error that says what this host has when --cpuset-cpus or --cpuset-mems asks for more, as docker
// does: the kernel would say "numerical result out of range".
void check_on_host(const spec::CpuResources& cpu);

// Limits that the kernel or the runtime would refuse at the start; bytes, -1 is unlimited. Throws Error.
void check_memory(std::optional<std::int64_t> limit, std::optional<std::int64_t> swap);

// "nofile=1024:2048" to RLIMIT_NOFILE; -1 is unlimited.
spec::Rlimit parse_ulimit(std::string_view text);

// "KEY=VALUE"; "KEY" alone has an empty value.
std::pair<std::string, std::string> parse_pair(std::string_view text, std::string_view option);

// "/dev/sda:1mb" for the device's numbers and the rate, of bytes or of operations.
spec::BlockThrottle parse_throttle(std::string_view text, std::string_view option, bool bytes);

// "/dev/sda:300".
spec::BlockWeight parse_block_weight(std::string_view text);

// "1m30s", "90s", "500ms" or a plain number of seconds; whole seconds, rounded up.
std::uint64_t parse_duration(std::string_view text, std::string_view option);

// The same in milliseconds, rounded up: what is more than nothing stays so.
std::uint64_t parse_duration_ms(std::string_view text, std::string_view option);

// The lines of a file of NAME=VALUE (or NAME) lines, without comments and empty lines.
std::vector<std::string> read_list_file(std::string_view path, std::string_view option);

// "SIGTERM", "term", "15" as the name that the kernel's header has; throws for what is no signal.
std::string parse_signal(std::string_view text, std::string_view option);
int signal_number(std::string_view name);

// "no", "always", "unless-stopped", "on-failure" or "on-failure:N"; throws for anything else.
std::string parse_restart_policy(std::string_view text);

}  // namespace rocker::bundle
