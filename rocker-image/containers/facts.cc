#include "rocker-image/containers/facts.hh"

#include "spec/json.hh"

namespace rocker::containers {

Facts parse_facts(std::string text, const std::string& file) {
  const auto document = json::Document::parse(std::move(text), file);
  const auto v = document.root();
  Facts f;
  v.require("id", f.id);
  v.require("name", f.name);
  v.require("image", f.image);
  v.member("image_id", f.image_id);
  v.require("command", f.command);
  v.require("created", f.created_ns);
  v.member("tty", f.tty);
  v.member("interactive", f.interactive);
  v.member("remove", f.remove);
  v.member("direct", f.direct);
  v.member("stop_signal", f.stop_signal);
  v.member("stop_timeout", f.stop_timeout);
  v.member("restart", f.restart);
  v.member("log_driver", f.log_driver);
  v.member("log_max_size", f.log_max_size);
  v.member("detach_keys", f.detach_keys);
  v.member("pidfile", f.pidfile);
  v.member("labels", f.labels);
  v.member("network", f.network);
  v.member("userns", f.userns);
  v.member("joined", f.joined);
  v.member("anonymous_volumes", f.anonymous_volumes);
  v.member("memory_limit", f.memory_limit);
  if (const auto check = v.find("health_check")) {
    check->require("command", f.check.command);
    check->member("interval", f.check.interval);
    check->member("timeout", f.check.timeout);
    check->member("start_period", f.check.start_period);
    check->member("start_interval", f.check.start_interval);
    check->member("retries", f.check.retries);
  }
  if (const auto given = v.find("given")) read(*given, f.given);
  v.member("incomplete", f.incomplete);
  v.member("volumes", f.volumes);
  v.member("started", f.started_ns);
  v.member("finished", f.finished_ns);
  v.member("exit_code", f.exit_code);
  v.member("exit_code_before", f.exit_code_before);
  v.member("oom_killed", f.oom_killed);
  v.member("stopped_by_user", f.stopped_by_user);
  v.member("restart_count", f.restart_count);
  v.member("error", f.error);
  v.member("health", f.health);
  v.member("failing_streak", f.failing_streak);
  if (const auto log = v.find("health_log")) {
    log->each_element([&](const json::Value& item) {
      auto& result = f.health_log.emplace_back();
      item.member("start", result.start_ns);
      item.member("end", result.end_ns);
      item.member("exit_code", result.exit_code);
      item.member("output", result.output);
    });
  }
  v.member("starter", f.starter);
  v.member("starter_born", f.starter_born);
  v.member("restarter", f.restarter);
  v.member("restarter_born", f.restarter_born);
  return f;
}

std::string write_facts(const Facts& f) {
  json::Writer w;
  w.object([&] {
    w.member("id", f.id);
    w.member("name", f.name);
    w.member("image", f.image);
    w.unless_empty("image_id", f.image_id);
    w.member("command", f.command);
    w.member("created", f.created_ns);
    w.unless_empty("tty", f.tty);
    w.unless_empty("interactive", f.interactive);
    w.unless_empty("remove", f.remove);
    w.unless_empty("direct", f.direct);
    w.member("stop_signal", f.stop_signal);
    w.member("stop_timeout", f.stop_timeout);
    w.member("restart", f.restart);
    w.member("log_driver", f.log_driver);
    w.member("log_max_size", f.log_max_size);
    w.unless_empty("detach_keys", f.detach_keys);
    w.unless_empty("pidfile", f.pidfile);
    w.unless_empty("labels", f.labels);
    w.unless_empty("network", f.network);
    w.unless_empty("userns", f.userns);
    w.unless_empty("joined", f.joined);
    w.unless_empty("anonymous_volumes", f.anonymous_volumes);
    w.member("memory_limit", f.memory_limit);
    if (!f.check.command.empty()) {
      w.object("health_check", [&] {
        w.member("command", f.check.command);
        w.member("interval", f.check.interval);
        w.member("timeout", f.check.timeout);
        w.member("start_period", f.check.start_period);
        w.unless_empty("start_interval", f.check.start_interval);
        w.member("retries", f.check.retries);
      });
    }
    write(w, f.given);
    w.unless_empty("incomplete", f.incomplete);
    w.unless_empty("volumes", f.volumes);
    w.unless_empty("started", f.started_ns);
    w.unless_empty("finished", f.finished_ns);
    w.member("exit_code", f.exit_code);
    w.member("exit_code_before", f.exit_code_before);
    w.unless_empty("oom_killed", f.oom_killed);
    w.unless_empty("stopped_by_user", f.stopped_by_user);
    w.unless_empty("restart_count", f.restart_count);
    w.unless_empty("error", f.error);
    w.unless_empty("health", f.health);
    w.unless_empty("failing_streak", f.failing_streak);
    if (!f.health_log.empty()) {
      w.array("health_log", [&] {
        for (const auto& result : f.health_log) {
          w.object([&] {
            w.member("start", result.start_ns);
            w.member("end", result.end_ns);
            w.member("exit_code", result.exit_code);
            w.member("output", result.output);
          });
        }
      });
    }
    w.unless_empty("starter", f.starter);
    w.unless_empty("starter_born", f.starter_born);
    w.unless_empty("restarter", f.restarter);
    w.unless_empty("restarter_born", f.restarter_born);
  });
  return w.text();
}

}  // namespace rocker::containers
