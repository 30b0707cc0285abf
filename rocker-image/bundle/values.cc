#include "rocker-image/bundle/values.hh"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker::bundle {

namespace {

Error refuse(std::string_view option, std::string_view text, std::string_view expected) {
  return Error(cat(option, ": expected ", expected, ", found \"", printable(text), "\""));
}

struct stat block_device(std::string_view path, std::string_view option) {
  struct stat st {};
  if (::stat(std::string(path).c_str(), &st) < 0) throw system_error(cat(option, ": ", printable(path)));
  if (!S_ISBLK(st.st_mode)) throw refuse(option, path, "a block device");
  return st;
}

// "0-2,5" as {0,2}, {5,5}; nothing when it is no such list.
std::optional<std::vector<std::pair<long long, long long>>> ranges_of(std::string_view list) {
  std::vector<std::pair<long long, long long>> ranges;
  for (const auto part : split(list, ',')) {
    const auto dash = part.find('-');
    long long first = 0, last = 0;
    if (!parse_number(part.substr(0, dash), first) || first < 0) return std::nullopt;
    last = first;
    if (dash != std::string_view::npos && (!parse_number(part.substr(dash + 1), last) || last < first))
      return std::nullopt;
    ranges.emplace_back(first, last);
  }
  return ranges;
}

}  // namespace

std::int64_t parse_integer(std::string_view text, std::string_view option, std::int64_t least,
                           std::int64_t most) {
  long long number = 0;
  if (!parse_number(text, number)) throw refuse(option, text, "a number");
  if (number < least || number > most) throw refuse(option, text, cat("a number from ", least, " to ", most));
  return number;
}

std::int64_t parse_cpus(std::string_view text) {
  // In millionths of a CPU, so that no floating point rounds what somebody typed.
  const auto dot = text.find('.');
  const auto whole_text = text.substr(0, dot);
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  fraction.resize(6, '0');
  unsigned long long whole = 0, millionths = 0;
  if ((!whole_text.empty() && !parse_number(whole_text, whole)) || !parse_number(fraction, millionths) ||
      text.empty() || text == "." || whole > 100'000) {
    throw refuse("--cpus", text, "a number of CPUs like 1.5");
  }
  const auto quota = static_cast<std::int64_t>(whole * 100'000 + millionths / 10);
  // kernel: the smallest quota is one millisecond.
  if (quota < 1000 && (whole != 0 || millionths != 0)) throw refuse("--cpus", text, "at least 0.01 CPUs");
  return quota;
}

void apply_cpus(std::optional<std::int64_t> cpus, spec::CpuResources& cpu) {
  if (!cpus) return;
  if (cpu.quota || cpu.period) {
    throw Error(cat("--cpus and ", cpu.quota ? "--cpu-quota" : "--cpu-period", " cannot both be set"))
        .hint("--cpus N is a quota of N periods");
  }
  cpu.quota = *cpus == 0 ? -1 : *cpus;
  if (*cpus != 0) cpu.period = 100'000;
}

void check_cpus_on_host(std::optional<std::int64_t> cpus) {
  const long there = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (!cpus || there < 1 || *cpus <= there * 100'000) return;
  throw Error(cat("--cpus: expected 0.01 to ", there, ", this host has ", there,
                  there == 1 ? " CPU" : " CPUs", ", found ", *cpus / 100'000,
                  *cpus % 100'000 == 0 ? "" : cat(".", cat(*cpus % 100'000 + 100'000).substr(1))));
}

std::string parse_cpu_list(std::string_view text, std::string_view option) {
  if (!ranges_of(text)) throw refuse(option, text, "a list like 0-2,5");
  return std::string(text);
}

void check_on_host(const spec::CpuResources& cpu) {
  const auto check = [](std::string_view option, const char* what, const std::string& list,
                        const char* file) {
    if (list.empty()) return;
    // A kernel without NUMA has no such file, and one memory node.
    const auto text = read_file_if_exists(AT_FDCWD, file, 64 << 10);
    const std::string online(text ? trim(*text) : std::string_view("0"));
    const auto wanted = ranges_of(list), there = ranges_of(online);
    if (!wanted || !there) return;
    for (const auto& range : *wanted) {
      // The kernel's ranges do not touch: one of them has all of it, or it is not all there.
      const auto has = [&](const auto& other) {
        return other.first <= range.first && range.second <= other.second;
      };
      if (std::any_of(there->begin(), there->end(), has)) continue;
      throw Error(cat(option, ": ", what, " ", list, " are asked for, this host has ", online));
    }
  };
  check("--cpuset-cpus", "the CPUs", cpu.cpus, "/sys/devices/system/cpu/online");
  check("--cpuset-mems", "the memory nodes", cpu.mems, "/sys/devices/system/node/online");
}

void check_memory(std::optional<std::int64_t> limit, std::optional<std::int64_t> swap) {
  constexpr std::int64_t least = 6 << 20;
  if (limit && *limit > 0 && *limit < least) {
    throw Error(cat("--memory: expected 6m or more, as docker does, found ",
                    format_size(static_cast<std::uint64_t>(*limit))));
  }
  if (!swap || *swap <= 0) return;
  if (!limit) throw Error("--memory-swap: needs --memory beside it");
  if (*limit > *swap) {
    throw Error("--memory-swap: is memory and swap together, so it can't be less than --memory")
        .hint(cat("--memory is ", format_size(static_cast<std::uint64_t>(*limit)), ", --memory-swap ",
                  format_size(static_cast<std::uint64_t>(*swap)), ": give both"));
  }
}

spec::Rlimit parse_ulimit(std::string_view text) {
  constexpr std::string_view kinds[] = {"as",      "core",       "cpu",   "data",   "fsize", "locks",
                                        "memlock", "msgqueue",   "nice",  "nofile", "nproc", "rss",
                                        "rtprio",  "sigpending", "stack", "rttime"};
  const auto equals = text.find('=');
  const auto kind = text.substr(0, equals);
  if (equals == std::string_view::npos ||
      std::find(std::begin(kinds), std::end(kinds), kind) == std::end(kinds)) {
    throw refuse("--ulimit", text, "LIMIT=SOFT[:HARD] with a limit like nofile or nproc");
  }
  const auto number = [&](std::string_view value) -> std::uint64_t {
    unsigned long long out = 0;
    if (value == "-1" || value == "unlimited") return ~std::uint64_t{0};
    if (!parse_number(value, out)) throw refuse("--ulimit", text, "numbers, or -1 for unlimited");
    return out;
  };
  const auto values = text.substr(equals + 1);
  const auto colon = values.find(':');
  spec::Rlimit limit;
  limit.type = "RLIMIT_";
  for (const char c : kind) limit.type += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  limit.soft = number(values.substr(0, colon));
  limit.hard = colon == std::string_view::npos ? limit.soft : number(values.substr(colon + 1));
  if (limit.soft > limit.hard) throw refuse("--ulimit", text, "a soft limit that is not above the hard one");
  return limit;
}

std::pair<std::string, std::string> parse_pair(std::string_view text, std::string_view option) {
  const auto equals = text.find('=');
  if (equals == 0 || text.empty()) throw refuse(option, text, "KEY=VALUE");
  return {std::string(text.substr(0, equals)),
          equals == std::string_view::npos ? std::string() : std::string(text.substr(equals + 1))};
}

spec::BlockThrottle parse_throttle(std::string_view text, std::string_view option, bool bytes) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) throw refuse(option, text, "DEVICE:RATE");
  const struct stat st = block_device(text.substr(0, colon), option);
  const auto rate = text.substr(colon + 1);
  return {major(st.st_rdev), minor(st.st_rdev),
          bytes ? parse_size(rate, option)
                : static_cast<std::uint64_t>(parse_integer(rate, option, 0, INT64_MAX))};
}

spec::BlockWeight parse_block_weight(std::string_view text) {
  constexpr std::string_view option = "--blkio-weight-device";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) throw refuse(option, text, "DEVICE:WEIGHT");
  const struct stat st = block_device(text.substr(0, colon), option);
  spec::BlockWeight weight;
  weight.major = major(st.st_rdev);
  weight.minor = minor(st.st_rdev);
  weight.weight = static_cast<std::uint16_t>(parse_integer(text.substr(colon + 1), option, 10, 1000));
  return weight;
}

std::uint64_t parse_duration_ms(std::string_view text, std::string_view option) {
  constexpr unsigned long long most = 1'000'000'000;
  unsigned long long plain = 0;
  if (parse_number(text, plain) && plain <= most) return plain * 1000;
  const auto milliseconds = parse_milliseconds(text);
  if (!milliseconds) throw refuse(option, text, "a duration like 30s, 1.5s or 1m30s");
  return *milliseconds;
}

std::uint64_t parse_duration(std::string_view text, std::string_view option) {
  return (parse_duration_ms(text, option) + 999) / 1000;
}

std::vector<std::string> read_list_file(std::string_view path, std::string_view option) {
  constexpr std::size_t most = 1 << 20;
  std::vector<std::string> lines;
  const auto text =
      with_context([&] { return std::string(option); }, [&] { return read_file(std::string(path), most); });
  // A byte order mark, as editors on Windows leave it, is no part of the first name.
  std::string_view rest = text;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  for (auto line : split(rest, '\n')) {
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto name = line.substr(0, line.find('='));
    if (name.empty() || name.find_first_of(" \t") != name.npos) {
      throw refuse(option, line, cat("NAME=VALUE, with no space in the name, in ", printable(path)));
    }
    if (line.find('\0') != line.npos)
      throw refuse(option, line, cat("text without NUL bytes in ", printable(path)));
    lines.emplace_back(line);
  }
  return lines;
}

int signal_number(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  long long number = 0;
  if (parse_number(name, number)) return number > 0 && number < NSIG ? static_cast<int>(number) : 0;
  std::string_view rest = name;
  // Real-time signals count from both ends: RTMIN+3, RTMAX-1.
  for (const auto& [prefix, base, sign] :
       {std::tuple{"RTMIN", SIGRTMIN, 1}, std::tuple{"RTMAX", SIGRTMAX, -1}}) {
    if (!rest.starts_with(prefix)) continue;
    rest.remove_prefix(5);
    if (rest.empty()) return base;
    if (!rest.starts_with(sign > 0 ? '+' : '-') || !parse_number(rest.substr(1), number)) return 0;
    const auto value = base + sign * number;
    return value >= SIGRTMIN && value <= SIGRTMAX ? static_cast<int>(value) : 0;
  }
  for (int i = 1; i < SIGRTMIN; ++i) {
    const char* abbreviation = ::sigabbrev_np(i);
    if (abbreviation != nullptr && name == abbreviation) return i;
  }
  return 0;
}

std::string parse_signal(std::string_view text, std::string_view option) {
  std::string upper;
  for (const char c : text) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const int number = signal_number(upper);
  if (number == 0) throw refuse(option, text, "a signal like SIGTERM or 15");
  const char* abbreviation = ::sigabbrev_np(number);
  if (abbreviation != nullptr) return cat("SIG", abbreviation);
  return upper.starts_with("SIG")                             ? upper
         : std::all_of(upper.begin(), upper.end(), ::isdigit) ? upper
                                                              : cat("SIG", upper);
}

std::string parse_restart_policy(std::string_view text) {
  constexpr std::string_view option = "--restart";
  const auto colon = text.find(':');
  const auto policy = text.substr(0, colon);
  if (policy != "no" && policy != "always" && policy != "unless-stopped" && policy != "on-failure")
    throw refuse(option, text, "no, on-failure[:N], always or unless-stopped");
  if (colon != text.npos) {
    if (policy != "on-failure") throw refuse(option, text, "a number after on-failure only");
    parse_integer(text.substr(colon + 1), option, 0, 1'000'000);
  }
  return std::string(text);
}

}  // namespace rocker::bundle
