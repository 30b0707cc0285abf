// image.json, read and written.
#include <sys/utsname.h>

#include <ctime>

#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::spec {

namespace {

constexpr std::int64_t second = 1'000'000'000;

// A set, as Go writes one: {"80/tcp": {}}.
void read_names(const json::Value& v, std::string_view name, std::vector<std::string>& out) {
  if (const auto set = v.find(name)) {
    set->each_member([&](std::string key, const json::Value&) { out.push_back(std::move(key)); });
  }
}

void write_names(json::Writer& w, std::string_view name, const std::vector<std::string>& names) {
  if (names.empty()) return;
  w.object(name, [&] {
    for (const auto& key : names) w.object(key, [] {});
  });
}

std::string two_digits(int n) {
  return cat(n < 10 ? "0" : "", n);
}

bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

}  // namespace

void read(const json::Value& v, ImageConfig& out) {
  v.member("User", out.user);
  read_names(v, "ExposedPorts", out.exposed_ports);
  v.member("Env", out.env);
  v.member("Entrypoint", out.entrypoint);
  v.member("Cmd", out.cmd);
  read_names(v, "Volumes", out.volumes);
  v.member("WorkingDir", out.working_dir);
  v.member("Labels", out.labels);
  v.member("StopSignal", out.stop_signal);
  if (const auto health = v.find("Healthcheck")) {
    health->member("Test", out.health.test);
    health->member("Interval", out.health.interval);
    health->member("Timeout", out.health.timeout);
    health->member("StartPeriod", out.health.start_period);
    health->member("Retries", out.health.retries);
  }
}

void read(const json::Value& v, ImageHistory& out) {
  v.member("created", out.created);
  v.member("created_by", out.created_by);
  v.member("author", out.author);
  v.member("comment", out.comment);
  v.member("empty_layer", out.empty_layer);
}

static void read(const json::Value& v, ImageSource& out) {
  v.member("path", out.path);
  v.member("format", out.format);
  v.member("digest", out.digest);
  v.member("diff_ids", out.diff_ids);
}

void write(json::Writer& w, const ImageConfig& config) {
  w.object([&] {
    w.unless_empty("User", config.user);
    write_names(w, "ExposedPorts", config.exposed_ports);
    w.unless_empty("Env", config.env);
    w.unless_empty("Entrypoint", config.entrypoint);
    w.unless_empty("Cmd", config.cmd);
    write_names(w, "Volumes", config.volumes);
    w.unless_empty("WorkingDir", config.working_dir);
    w.unless_empty("Labels", config.labels);
    w.unless_empty("StopSignal", config.stop_signal);
    if (config.health == ImageHealth{}) return;
    w.object("Healthcheck", [&] {
      w.unless_empty("Test", config.health.test);
      w.unless_empty("Interval", config.health.interval);
      w.unless_empty("Timeout", config.health.timeout);
      w.unless_empty("StartPeriod", config.health.start_period);
      w.unless_empty("Retries", config.health.retries);
    });
  });
}

void write(json::Writer& w, const std::vector<ImageHistory>& history) {
  w.array([&] {
    for (const auto& step : history) {
      w.object([&] {
        w.unless_empty("created", step.created);
        w.unless_empty("created_by", step.created_by);
        w.unless_empty("author", step.author);
        w.unless_empty("comment", step.comment);
        w.unless_empty("empty_layer", step.empty_layer);
      });
    }
  });
}

ImageRecord parse_image_record(std::string text, std::string file_name) {
  const auto document = json::Document::parse(std::move(text), std::move(file_name));
  const auto root = document.root();
  ImageRecord record;
  root.require("name", record.name);
  root.require("tag", record.tag);
  root.require("id", record.id);
  root.require("size", record.size);
  root.require("created_time", record.created_time);
  if (const auto created = root.find("created")) {
    if (!parse_utc_time(created->as_string(), record.created_ns)) {
      throw created->error(
          cat("expected a time such as 2026-01-14T16:07:17.000000000Z, found ", created->shown()));
    }
    // Here and now: the file has it as the clock of its importer showed it.
    record.created_time = local_time(record.created_ns);
  } else {
    // Only the local time is known: what the clock on the wall said is taken back to UTC.
    tm parts{};
    if (::strptime(record.created_time.c_str(), "%Y-%m-%d %H:%M:%S", &parts) != nullptr) {
      parts.tm_isdst = -1;
      // A year that nanoseconds don't reach (2262) is taken for no time at all.
      if (__builtin_mul_overflow(static_cast<std::int64_t>(::mktime(&parts)), second, &record.created_ns))
        record.created_ns = 0;
    }
  }
  root.member("generation", record.generation);
  root.member("os", record.os);
  root.member("architecture", record.architecture);
  root.member("variant", record.variant);
  root.member("entries", record.entries);
  root.member("disk_usage", record.disk_usage);
  root.member("source", record.source);
  root.member("config", record.config);
  root.member("history", record.history);
  return record;
}

std::optional<ImageHead> parse_image_head(const char* text) {
  // Whatever a disk has lost of it, the end is gone.
  if (!trim(text).ends_with('}')) return std::nullopt;
  ImageHead head;
  bool sized = false;
  const auto wanted = [&] { return !sized || head.created_ns == 0; };
  const bool found = json::scan_members(
      text,
      [&](std::string_view name, std::string_view value) {
        if (name == "created" && !parse_utc_time(value, head.created_ns)) head.created_ns = 0;
        return wanted();
      },
      [&](std::string_view name, std::uint64_t value) {
        if (name == "size") head.size = value, sized = true;
        return wanted();
      });
  if (!found) return std::nullopt;
  return head;
}

std::string write_image_record(const ImageRecord& record) {
  json::Writer w;
  w.object([&] {
    w.member("name", record.name);
    w.member("tag", record.tag);
    w.member("id", record.id);
    w.member("size", record.size);
    w.member("created_time", record.created_time);
    if (record.created_ns != 0) w.member("created", utc_time(record.created_ns));
    w.unless_empty("generation", record.generation);
    w.unless_empty("os", record.os);
    w.unless_empty("architecture", record.architecture);
    w.unless_empty("variant", record.variant);
    w.member("entries", record.entries);
    w.member("disk_usage", record.disk_usage);
    if (record.source != ImageSource{}) {
      w.object("source", [&] {
        w.unless_empty("path", record.source.path);
        w.unless_empty("format", record.source.format);
        w.unless_empty("digest", record.source.digest);
        w.unless_empty("diff_ids", record.source.diff_ids);
      });
    }
    if (record.config != ImageConfig{}) w.key("config"), write(w, record.config);
    if (!record.history.empty()) w.key("history"), write(w, record.history);
  });
  return w.text();
}

std::string local_time(std::int64_t ns) {
  const time_t seconds = static_cast<time_t>(ns / second);
  tm parts{};
  ::localtime_r(&seconds, &parts);
  return cat(1900 + parts.tm_year, "-", two_digits(parts.tm_mon + 1), "-", two_digits(parts.tm_mday), " ",
             two_digits(parts.tm_hour), ":", two_digits(parts.tm_min), ":", two_digits(parts.tm_sec));
}

std::string utc_time(std::int64_t ns) {
  std::int64_t seconds = ns / second, rest = ns % second;
  if (rest < 0) --seconds, rest += second;
  const time_t when = static_cast<time_t>(seconds);
  tm parts{};
  ::gmtime_r(&when, &parts);
  std::string fraction = std::to_string(rest);
  fraction.insert(0, 9 - fraction.size(), '0');
  return cat(1900 + parts.tm_year, "-", two_digits(parts.tm_mon + 1), "-", two_digits(parts.tm_mday), "T",
             two_digits(parts.tm_hour), ":", two_digits(parts.tm_min), ":", two_digits(parts.tm_sec), ".",
             fraction, "Z");
}

bool parse_utc_time(std::string_view text, std::int64_t& ns) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, sec = 0;
  if (!digits(text, 0, 4, year) || !digits(text, 5, 2, month) || !digits(text, 8, 2, day) ||
      !digits(text, 11, 2, hour) || !digits(text, 14, 2, minute) || !digits(text, 17, 2, sec)) {
    return false;
  }
  if (text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':') {
    return false;
  }
  // What an int64 of nanoseconds can hold ends in 2262.
  if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
      minute > 59 || sec > 60) {
    return false;
  }
  std::size_t at = 19;
  std::int64_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t weight = second;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      weight /= 10;
      fraction += weight * (text[at] - '0');
    }
  }
  int offset = 0;
  const std::string_view zone = text.substr(at);
  if (zone != "Z" && zone != "z") {
    int hours = 0, minutes = 0;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return false;
    if (!digits(zone, 1, 2, hours) || !digits(zone, 4, 2, minutes)) return false;
    offset = (hours * 60 + minutes) * 60 * (zone[0] == '-' ? -1 : 1);
  }
  tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = sec;
  ns = (static_cast<std::int64_t>(::timegm(&parts)) - offset) * second + fraction;
  return true;
}

std::string machine_architecture() {
  utsname names{};
  ::uname(&names);
  const std::string_view machine = names.machine;
  constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"x86_64", "amd64"},        {"aarch64", "arm64"}, {"armv7l", "arm"},
      {"armv6l", "arm"},          {"i686", "386"},      {"i586", "386"},
      {"ppc64le", "ppc64le"},     {"s390x", "s390x"},   {"riscv64", "riscv64"},
      {"loongarch64", "loong64"}, {"mips64", "mips64"},
  };
  for (const auto& [kernel, oci] : known) {
    if (machine == kernel) return std::string(oci);
  }
  return std::string(machine);
}

}  // namespace rocker::spec
