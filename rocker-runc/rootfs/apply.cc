#include "rocker-runc/rootfs/apply.hh"

#include <unistd.h>

#include <ctime>

#include "rocker-runc/rootfs/carry_out.hh"
#include "rocker-runc/rootfs/sysctl.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::rootfs {

namespace {

void carry_out(RunHooks& step, Context& context) {
  if (step.runtime || step.container) context.run_hooks(step);
}

void carry_out(WriteSysctl& step, Context& context) {
  write_sysctl(context.proc.get(), step);
}

void carry_out(SetHostname& step, Context&) {
  const int result = step.domain ? ::setdomainname(step.name.data(), step.name.size())
                                 : ::sethostname(step.name.data(), step.name.size());
  if (result < 0) throw system_error(step.domain ? "set the domain name" : "set the host name");
}

long long microseconds() {
  timespec ts{};
  ::clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1'000'000LL + ts.tv_nsec / 1000;
}

}  // namespace

void apply(Plan& plan, Context& context) {
  const bool trace = log::enabled(log::Level::trace);
  for (Step& step : plan) {
    const std::string line = trace ? describe(step) : std::string();
    const long long before = trace ? microseconds() : 0;
    try {
      std::visit([&](auto& action) { carry_out(action, context); }, step.action);
      if (std::holds_alternative<Pivot>(step.action)) context.after_pivot();
    } catch (Error& error) {
      // A hook's error says itself which of them it was.
      if (std::holds_alternative<RunHooks>(step.action)) throw;
      throw error.context(cat("config.json: ", step.origin));
    }
    if (trace) log::trace(cat(step.origin, ": ", line, ": ", microseconds() - before, " us"));
  }
}

}  // namespace rocker::rootfs
