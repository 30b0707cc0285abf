#include "rocker-image/containers/restart.hh"

#include "spec/support/str.hh"

namespace rocker::containers {

bool wants_restart(const Facts& facts) {
  if (facts.stopped_by_user || facts.remove) return false;
  const std::string_view policy = facts.restart;
  if (policy == "always" || policy == "unless-stopped") return true;
  if (!policy.starts_with("on-failure") || facts.exit_code.value_or(0) == 0) return false;
  long long most = 0;
  const auto colon = policy.find(':');
  if (colon != std::string_view::npos) parse_number(policy.substr(colon + 1), most);
  return most == 0 || facts.restart_count < most;
}

bool restart_now(const Room& room, const Facts& then) {
  const FileLock lock = room.registry.lock(then.id);
  if (room.registry.was_removed(then.id)) return false;
  Facts facts = room.registry.load(then.id);
  if (facts.stopped_by_user || facts.started_ns != then.started_ns || facts.restarter != then.restarter)
    return false;
  // From here on a stop waits until it runs, and does not end who starts it half-way.
  facts.starter = facts.restarter;
  facts.starter_born = facts.restarter_born;
  room.registry.save(facts);
  return true;
}

}  // namespace rocker::containers
