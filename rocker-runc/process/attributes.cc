#include "rocker-runc/process/attributes.hh"

#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

// Newer than Debian 12's headers.
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif

namespace rocker::process {

namespace {

template <typename Number>
struct Named {
  std::string_view name;
  Number value;
};

// The value of a name, or an error that lists what there is.
template <typename Number, std::size_t N>
Number value_of(const std::array<Named<Number>, N>& table, const std::string& name, std::string_view member) {
  std::string all;
  for (const auto& entry : table) {
    if (entry.name == name) return entry.value;
    all += cat(all.empty() ? "" : ", ", entry.name);
  }
  throw Error(cat(member, ": \"", printable(name), "\" does not exist")).hint(cat("one of: ", all));
}

constexpr std::array<Named<int>, 16> resources{{{"RLIMIT_AS", RLIMIT_AS},
                                                {"RLIMIT_CORE", RLIMIT_CORE},
                                                {"RLIMIT_CPU", RLIMIT_CPU},
                                                {"RLIMIT_DATA", RLIMIT_DATA},
                                                {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                                {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                                {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                                {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                                {"RLIMIT_NICE", RLIMIT_NICE},
                                                {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                                {"RLIMIT_NPROC", RLIMIT_NPROC},
                                                {"RLIMIT_RSS", RLIMIT_RSS},
                                                {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                                {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                                {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                                {"RLIMIT_STACK", RLIMIT_STACK}}};

constexpr std::array<Named<std::uint32_t>, 7> policies{
    {{"SCHED_OTHER", SCHED_NORMAL},
     {"SCHED_FIFO", SCHED_FIFO},
     {"SCHED_RR", SCHED_RR},
     {"SCHED_BATCH", SCHED_BATCH},
     {"SCHED_ISO", 4},  // reserved in the kernel: it refuses it
     {"SCHED_IDLE", SCHED_IDLE},
     {"SCHED_DEADLINE", SCHED_DEADLINE}}};

constexpr std::array<Named<std::uint64_t>, 7> scheduler_flags{
    {{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
     {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
     {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
     {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
     {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
     {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
     {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX}}};

// As ioprio_set(2) has them. Not from <linux/ioprio.h>: some editions of it are no C++ (`int class`).
constexpr std::array<Named<int>, 3> io_classes{
    {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}};
constexpr int ioprio_class_shift = 13;
constexpr int ioprio_who_process = 1;
constexpr int ioprio_who_pgrp = 2;

constexpr std::array<Named<unsigned long>, 2> domains{{{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}}};

constexpr std::array<Named<int>, 7> memory_modes{{{"MPOL_DEFAULT", MPOL_DEFAULT},
                                                  {"MPOL_BIND", MPOL_BIND},
                                                  {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
                                                  {"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
                                                  {"MPOL_PREFERRED", MPOL_PREFERRED},
                                                  {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
                                                  {"MPOL_LOCAL", MPOL_LOCAL}}};

constexpr std::array<Named<int>, 3> memory_flags{{{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
                                                  {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                                  {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES}}};

constexpr unsigned bits_per_word = sizeof(unsigned long) * CHAR_BIT;

// What a kernel can be built for is far below (NR_CPUS 8192, MAX_NUMNODES 1024); it keeps "0-4000000000" from
// being half a gigabyte of mask.
constexpr unsigned long long most_in_list = 32767;

}  // namespace

std::vector<RlimitPlan> plan_rlimits(const std::vector<spec::Rlimit>& limits) {
  std::vector<RlimitPlan> plan;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const spec::Rlimit& limit = limits[i];
    const std::string member = cat("/process/rlimits/", i);
    RlimitPlan entry;
    entry.resource = value_of(resources, limit.type, cat(member, "/type"));
    entry.name = limit.type;
    entry.limit = {limit.soft, limit.hard};
    for (const RlimitPlan& other : plan) {
      if (other.resource == entry.resource) throw Error(cat(member, ": ", limit.type, " is there twice"));
    }
    if (limit.soft > limit.hard) {
      throw Error(cat(member, ": ", limit.type, ": the soft limit (", limit.soft, ") is above the hard one (",
                      limit.hard, ")"));
    }
    plan.push_back(std::move(entry));
  }
  return plan;
}

void apply_rlimits(pid_t pid, const std::vector<RlimitPlan>& limits) {
  for (const RlimitPlan& entry : limits) {
    if (syscall(SYS_prlimit64, pid, entry.resource, &entry.limit, nullptr) == 0) continue;
    Error error =
        system_error(cat("setting ", entry.name, " to ", entry.limit.rlim_cur, ":", entry.limit.rlim_max));
    if (error.errno_value() == EPERM) {
      rlimit64 now{};
      if (entry.resource == RLIMIT_NOFILE && entry.limit.rlim_max > 1048576) {
        error.hint("a hard limit above fs.nr_open can't be set, and raising one needs CAP_SYS_RESOURCE");
      } else if (syscall(SYS_prlimit64, pid, entry.resource, nullptr, &now) == 0) {
        error.hint(cat("raising a hard limit (now ", now.rlim_max, ") needs CAP_SYS_RESOURCE"));
      }
    }
    throw error;
  }
}

SchedulerPlan plan_scheduler(const spec::Scheduler& scheduler) {
  SchedulerPlan plan;
  plan.policy = value_of(policies, scheduler.policy, "/process/scheduler/policy");
  for (const std::string& flag : scheduler.flags) {
    plan.flags |= value_of(scheduler_flags, flag, "/process/scheduler/flags");
  }
  const bool realtime = plan.policy == SCHED_FIFO || plan.policy == SCHED_RR;
  const bool deadline = plan.policy == SCHED_DEADLINE;

  if (scheduler.nice < -20 || scheduler.nice > 19) {
    throw Error(cat("/process/scheduler/nice: ", scheduler.nice, " is not between -20 and 19"));
  }
  if (realtime && (scheduler.priority < 1 || scheduler.priority > 99)) {
    throw Error(
        cat("/process/scheduler/priority: ", scheduler.policy, " takes 1 to 99, found ", scheduler.priority));
  }
  if (!realtime && scheduler.priority != 0) {
    throw Error(cat("/process/scheduler/priority: only SCHED_FIFO and SCHED_RR have one, the policy is ",
                    scheduler.policy));
  }
  if (!deadline && (scheduler.runtime || scheduler.deadline || scheduler.period)) {
    throw Error(
        cat("/process/scheduler: runtime, deadline and period belong to SCHED_DEADLINE, the policy is ",
            scheduler.policy));
  }
  // sched(7): runtime <= deadline <= period, where a period of 0 is the deadline.
  if (deadline && (scheduler.runtime == 0 || scheduler.runtime > scheduler.deadline ||
                   (scheduler.period != 0 && scheduler.deadline > scheduler.period))) {
    throw Error(cat("/process/scheduler: SCHED_DEADLINE wants 0 < runtime <= deadline <= period, found ",
                    scheduler.runtime, ", ", scheduler.deadline, ", ", scheduler.period));
  }
  plan.nice = scheduler.nice;
  plan.priority = static_cast<std::uint32_t>(scheduler.priority);
  plan.runtime = scheduler.runtime;
  plan.deadline = scheduler.deadline;
  plan.period = scheduler.period;
  return plan;
}

void apply_scheduler(const SchedulerPlan& plan) {
  // The kernel's struct sched_attr, of size VER1. The spec has no values for the utilization clamps: all ones
  // sets a clamp back to its default.
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
    std::uint32_t util_min, util_max;
  } attr{56,           plan.policy,   plan.flags,  plan.nice,  plan.priority,
         plan.runtime, plan.deadline, plan.period, UINT32_MAX, UINT32_MAX};
  static_assert(sizeof attr == 56);
  if (syscall(SYS_sched_setattr, 0, &attr, 0) == 0) return;
  std::string_view name = "?";
  for (const auto& policy : policies) {
    if (policy.value == plan.policy) name = policy.name;
  }
  Error error = system_error(cat("/process/scheduler: setting ", name));
  if (error.errno_value() == EPERM) {
    error.hint(plan.policy == SCHED_DEADLINE
                   ? "it needs CAP_SYS_NICE and a CPU affinity that covers the whole root domain"
                   : "it needs CAP_SYS_NICE, and on cgroup v1 a cpu.rt_runtime_us above 0 in the container's "
                     "cgroup");
  } else if (error.errno_value() == EINVAL) {
    error.hint("this kernel does not have this policy or flag");
  } else if (error.errno_value() == EBUSY) {
    error.hint("the deadline bandwidth of the machine is used up");
  }
  throw error;
}

int plan_io_priority(const spec::IoPriority& priority) {
  const int klass = value_of(io_classes, priority.klass, "/process/ioPriority/class");
  if (priority.priority < 0 || priority.priority > 7) {
    throw Error(cat("/process/ioPriority/priority: ", priority.priority, " is not between 0 and 7"));
  }
  return klass << ioprio_class_shift | priority.priority;
}

void apply_io_priority(int value) {
  // The spec wants the whole process group. Without one of our own (no setsid was made) that would be our
  // caller's.
  const int who = getpgrp() == getpid() ? ioprio_who_pgrp : ioprio_who_process;
  if (syscall(SYS_ioprio_set, who, 0, value) == 0) return;
  Error error = system_error("/process/ioPriority: ioprio_set");
  if (error.errno_value() == EPERM) error.hint("IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN");
  throw error;
}

unsigned long plan_personality(const spec::Personality& persona) {
  const unsigned long value = value_of(domains, persona.domain, "/linux/personality/domain");
  if (!persona.flags.empty()) {
    throw Error(cat("/linux/personality/flags: \"", printable(persona.flags[0]),
                    "\": the runtime spec has no flags here yet"));
  }
  return value;
}

void apply_personality(unsigned long persona) {
  if (::personality(persona) < 0) throw system_error("/linux/personality");
}

MemoryPolicyPlan plan_memory_policy(const spec::MemoryPolicy& policy) {
  MemoryPolicyPlan plan;
  const int mode = value_of(memory_modes, policy.mode, "/linux/memoryPolicy/mode");
  int flags = 0;
  for (const std::string& flag : policy.flags)
    flags |= value_of(memory_flags, flag, "/linux/memoryPolicy/flags");
  plan.mode = mode | flags;

  // The rules of set_mempolicy(2), told before anything is made.
  constexpr int both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
  if ((flags & both) == both) {
    throw Error(
        "/linux/memoryPolicy/flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
  }
  const bool none = trim(policy.nodes).empty();
  if (mode == MPOL_DEFAULT || mode == MPOL_LOCAL) {
    if (!none) throw Error(cat("/linux/memoryPolicy/nodes: ", policy.mode, " takes no nodes"));
    if (flags & both)
      throw Error(cat("/linux/memoryPolicy/flags: ", policy.mode, " takes no flags about nodes"));
    return plan;
  }
  if (none) {
    if (mode == MPOL_PREFERRED) return plan;  // local allocation
    throw Error(cat("/linux/memoryPolicy/nodes: ", policy.mode, " needs at least one node"));
  }
  plan.nodes = parse_cpu_list(policy.nodes, "/linux/memoryPolicy/nodes");
  // The kernel takes one off ("maxnode bits", numa(7)).
  plan.max_node = plan.nodes.size() * bits_per_word + 1;
  return plan;
}

void apply_memory_policy(const MemoryPolicyPlan& plan) {
  const unsigned long* nodes = plan.nodes.empty() ? nullptr : plan.nodes.data();
  if (syscall(SYS_set_mempolicy, plan.mode, nodes, plan.max_node) == 0) return;
  Error error = system_error("/linux/memoryPolicy: set_mempolicy");
  if (error.errno_value() == EINVAL) {
    error.hint(
        "the kernel knows this mode and flags, and the nodes are online and in the cpuset of the container?");
  } else if (error.errno_value() == ENOSYS) {
    error.hint("this kernel has no NUMA support");
  }
  throw error;
}

std::vector<unsigned long> parse_cpu_list(std::string_view list, std::string_view what) {
  std::vector<unsigned long> mask;
  auto number = [&](std::string_view text) {
    unsigned long long value = 0;
    if (text.empty() || text[0] < '0' || text[0] > '9' || !parse_number(text, value)) {
      throw Error(cat(what, ": \"", printable(list), "\" is no list of numbers and ranges"))
          .hint("for example \"0-3,7\"");
    }
    if (value > most_in_list) throw Error(cat(what, ": ", value, " is more than any kernel has"));
    return static_cast<unsigned>(value);
  };
  for (std::string_view part : split(list, ',')) {
    part = trim(part);
    if (part.empty()) continue;  // "0,1," as the kernel's own parser
    const std::size_t dash = part.find('-');
    const unsigned first = number(trim(part.substr(0, dash)));
    const unsigned last = dash == std::string_view::npos ? first : number(trim(part.substr(dash + 1)));
    if (first > last) throw Error(cat(what, ": the range ", part, " runs backwards"));
    if (mask.size() <= last / bits_per_word) mask.resize(last / bits_per_word + 1);
    for (unsigned n = first; n <= last; ++n) mask[n / bits_per_word] |= 1UL << n % bits_per_word;
  }
  if (mask.empty()) throw Error(cat(what, ": \"", printable(list), "\" names nothing"));
  return mask;
}

void set_cpu_affinity(pid_t pid, const std::vector<unsigned long>& mask) {
  if (syscall(SYS_sched_setaffinity, pid, mask.size() * sizeof(unsigned long), mask.data()) == 0) return;
  Error error = system_error("setting the CPU affinity");
  if (error.errno_value() == EINVAL)
    error.hint("none of these CPUs is online and in the cpuset of the process");
  throw error;
}

void reset_cpu_affinity(pid_t pid) {
  // The kernel cuts what is longer than its own masks, and takes the cpuset's part of it.
  std::array<unsigned long, 8192 / bits_per_word> all;
  all.fill(~0UL);
  if (syscall(SYS_sched_setaffinity, pid, sizeof all, all.data()) < 0) {
    // A sandbox may forbid it; the container runs all the same.
    log::debug(system_error("resetting the CPU affinity").what());
  }
}

std::vector<std::string> known_memory_policy_modes() {
  std::vector<std::string> names;
  for (const auto& entry : memory_modes) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> known_memory_policy_flags() {
  std::vector<std::string> names;
  for (const auto& entry : memory_flags) names.emplace_back(entry.name);
  return names;
}

}  // namespace rocker::process
