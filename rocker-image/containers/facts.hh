// container.json: all that is known of a container (spec/README.md, "Containers").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rocker-image/containers/given.hh"
#include "spec/config.hh"

namespace rocker::containers {

// The check of --health-cmd or of the image; times in milliseconds.
struct HealthCheck {
  std::vector<std::string> command;  // empty: none
  std::uint64_t interval = 30'000, timeout = 30'000, start_period = 0;
  std::uint64_t start_interval = 0;  // while it starts; 0: the interval
  unsigned retries = 3;
};

// One run of it.
struct HealthResult {
  std::int64_t start_ns = 0, end_ns = 0;
  int exit_code = 0;  // -1: it took too long
  std::string output;
};

struct Facts {
  // Set when it is made.
  std::string id;  // 64 hexadecimal digits
  std::string name;
  std::string image;  // "busybox:latest"
  std::string image_id;
  std::vector<std::string> command;
  std::int64_t created_ns = 0;  // since the epoch, as all times here
  bool tty = false, interactive = false, remove = false;
  bool direct = false;  // run by rocker-runc alone: no conmon, no log
  std::string stop_signal = "SIGTERM";
  std::optional<int> stop_timeout;  // seconds
  std::string restart = "no";
  std::string log_driver = "k8s-file";
  std::optional<std::uint64_t> log_max_size;
  std::string detach_keys;
  std::string pidfile;
  spec::StringMap labels;
  std::string network;
  std::string userns;      // as it was asked for; empty is the host's
  spec::StringMap joined;  // namespaces of other containers: "pid" and the like, and the container's ID
  std::vector<std::string> anonymous_volumes;  // names; gone with a container of --rm, and with rm -v
  std::optional<std::uint64_t> memory_limit;
  HealthCheck check;
  Given given;

  // Until all of it is there: "config.json" does not tell yet which volumes it has.
  bool incomplete = false;
  std::vector<std::string> volumes;  // names

  // What became of it.
  std::int64_t started_ns = 0, finished_ns = 0;  // 0: never
  std::optional<int> exit_code;
  std::optional<int> exit_code_before;  // while its restart policy brings it back
  bool oom_killed = false;
  bool stopped_by_user = false;  // so that no restart policy brings it back
  unsigned restart_count = 0;
  std::string error;   // why it could not be started
  std::string health;  // starting, healthy, unhealthy; empty: nobody checks
  unsigned failing_streak = 0;
  std::vector<HealthResult> health_log;  // the last five, oldest first
  pid_t starter = 0;                     // who is starting it just now, and
  std::int64_t starter_born = 0;         // when that process began (proc_pid_stat(5), "starttime")
  pid_t restarter = 0;                   // who waits to start it again, and is its starter then
  std::int64_t restarter_born = 0;
};

Facts parse_facts(std::string text, const std::string& file);
std::string write_facts(const Facts& facts);

}  // namespace rocker::containers
