// What a process gets beside its user and its capabilities. Each pair: a plan_ function that checks the
// config before the clone (it throws for what does not exist), and an apply_ function for the child.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::process {

struct RlimitPlan {
  int resource = 0;
  rlimit64 limit{};
  std::string name;
};
std::vector<RlimitPlan> plan_rlimits(const std::vector<spec::Rlimit>& limits);
// For another process or, with pid 0, this one (prlimit(2)).
void apply_rlimits(pid_t pid, const std::vector<RlimitPlan>& limits);

struct SchedulerPlan {
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};
SchedulerPlan plan_scheduler(const spec::Scheduler& scheduler);
void apply_scheduler(const SchedulerPlan& plan);

int plan_io_priority(const spec::IoPriority& priority);  // the value for ioprio_set(2)
void apply_io_priority(int value);

unsigned long plan_personality(const spec::Personality& personality);
void apply_personality(unsigned long persona);

struct MemoryPolicyPlan {
  int mode = 0;
  std::vector<unsigned long> nodes;  // a bit mask of any length
  unsigned long max_node = 0;
};
MemoryPolicyPlan plan_memory_policy(const spec::MemoryPolicy& policy);
void apply_memory_policy(const MemoryPolicyPlan& plan);

// "0-3,7" to a mask of unsigned longs, long enough for any CPU or node (also above 1024). Throws with `what`.
std::vector<unsigned long> parse_cpu_list(std::string_view list, std::string_view what);
void set_cpu_affinity(pid_t pid, const std::vector<unsigned long>& mask);
// Every CPU the cgroup allows, for a child must not inherit its caller's own affinity.
void reset_cpu_affinity(pid_t pid);

// Values for `features`.
std::vector<std::string> known_memory_policy_modes();
std::vector<std::string> known_memory_policy_flags();

}  // namespace rocker::process
