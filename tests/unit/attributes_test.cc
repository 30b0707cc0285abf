// rlimits, scheduler, I/O priority, personality, memory policy, CPU affinity
// (rocker-runc/process/attributes.hh).
#include <criterion/criterion.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "rocker-runc/process/attributes.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

template <typename Fn>
std::string message_of(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_part(const std::string& text, const std::string& part) {
  cr_expect(text.find(part) != std::string::npos, "\"%s\" is not in \"%s\"", part.c_str(), text.c_str());
}

// True when fn, in a child of its own session, is.
template <typename Fn>
bool in_child(Fn fn) {
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    try {
      _exit(fn() ? 0 : 1);
    } catch (const Error& error) {
      fprintf(stderr, "%s\n", error.what());
      _exit(2);
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0;
}

std::string refused(const spec::Scheduler& scheduler) {
  return message_of([&] { process::plan_scheduler(scheduler); });
}
std::string refused(const spec::MemoryPolicy& policy) {
  return message_of([&] { process::plan_memory_policy(policy); });
}

}  // namespace

Test(attributes, rlimits_are_set) {
  const auto plan =
      process::plan_rlimits({{"RLIMIT_NOFILE", 100, 200}, {"RLIMIT_CORE", 0, 0}, {"RLIMIT_RTTIME", 5, 6}});
  cr_expect(in_child([&] {
    process::apply_rlimits(0, plan);
    rlimit files{}, core{}, time{};
    getrlimit(RLIMIT_NOFILE, &files), getrlimit(RLIMIT_CORE, &core), getrlimit(RLIMIT_RTTIME, &time);
    return files.rlim_cur == 100 && files.rlim_max == 200 && core.rlim_max == 0 && time.rlim_cur == 5;
  }));
}

Test(attributes, every_rlimit_of_the_kernel_is_known) {
  const char* const names[] = {"RLIMIT_AS",     "RLIMIT_CORE",   "RLIMIT_CPU",        "RLIMIT_DATA",
                               "RLIMIT_FSIZE",  "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
                               "RLIMIT_NICE",   "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
                               "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK"};
  unsigned seen = 0;
  for (const char* name : names) seen |= 1u << process::plan_rlimits({{name, 0, 0}}).at(0).resource;
  cr_expect(seen == (1u << RLIM_NLIMITS) - 1);
}

Test(attributes, rlimits_that_make_no_sense_are_refused) {
  expect_part(message_of([] {
                process::plan_rlimits({{"RLIMIT_CORE", 0, 0}, {"RLIMIT_NOPE", 0, 0}});
              }),
              "/process/rlimits/1/type: \"RLIMIT_NOPE\"");
  expect_part(message_of([] {
                process::plan_rlimits({{"RLIMIT_CORE", 0, 0}, {"RLIMIT_CORE", 0, 0}});
              }),
              "RLIMIT_CORE is there twice");
  expect_part(message_of([] { process::plan_rlimits({{"RLIMIT_CORE", 2, 1}}); }), "above the hard one");
}

Test(attributes, raising_a_hard_limit_names_what_it_needs) {
  cr_expect(in_child([] {
    const auto low = process::plan_rlimits({{"RLIMIT_NPROC", 10, 10}}),
               high = process::plan_rlimits({{"RLIMIT_NPROC", 10, 11}});
    process::apply_rlimits(0, low);
    if (setresuid(1234, 1234, 1234) < 0) return false;
    const std::string text = message_of([&] { process::apply_rlimits(0, high); });
    return text.find("RLIMIT_NPROC to 10:11") != std::string::npos &&
           text.find("CAP_SYS_RESOURCE") != std::string::npos;
  }));
}

Test(attributes, scheduling_policies_are_set) {
  auto policy_after = [](const spec::Scheduler& scheduler, int policy, int nice) {
    const auto plan = process::plan_scheduler(scheduler);
    return in_child([&] {
      process::apply_scheduler(plan);
      return (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == policy && getpriority(PRIO_PROCESS, 0) == nice;
    });
  };
  cr_expect(policy_after({.policy = "SCHED_BATCH", .nice = 5, .flags = {}}, SCHED_BATCH, 5));
  cr_expect(policy_after({.policy = "SCHED_OTHER", .nice = 19, .flags = {"SCHED_FLAG_RESET_ON_FORK"}},
                         SCHED_OTHER, 19));
  cr_expect(policy_after({.policy = "SCHED_IDLE", .flags = {}}, SCHED_IDLE, 0));
}

Test(attributes, schedulers_that_make_no_sense_are_refused) {
  expect_part(refused({.policy = "SCHED_NOPE", .flags = {}}), "/process/scheduler/policy: \"SCHED_NOPE\"");
  expect_part(refused({.policy = "SCHED_OTHER", .nice = 20, .flags = {}}), "20 is not between -20 and 19");
  expect_part(refused({.policy = "SCHED_FIFO", .flags = {}}), "1 to 99, found 0");
  expect_part(refused({.policy = "SCHED_BATCH", .priority = 3, .flags = {}}), "only SCHED_FIFO and SCHED_RR");
  expect_part(refused({.policy = "SCHED_BATCH", .flags = {}, .runtime = 3}), "belong to SCHED_DEADLINE");
  expect_part(refused({.policy = "SCHED_DEADLINE", .flags = {}, .runtime = 5, .deadline = 4, .period = 9}),
              "5, 4, 9");
  expect_part(refused({.policy = "SCHED_BATCH", .flags = {"SCHED_FLAG_FAST"}}), "SCHED_FLAG_FAST");
  const auto plan = process::plan_scheduler(
      {.policy = "SCHED_DEADLINE", .flags = {}, .runtime = 3000000, .deadline = 4000000, .period = 5000000});
  cr_expect(plan.runtime == 3000000 && plan.deadline == 4000000 && plan.period == 5000000);
}

// ioprio_get(2) with IOPRIO_WHO_PROCESS: the class above bit 13, the priority below.
static long own_io_priority() {
  return syscall(SYS_ioprio_get, 1, 0);
}

Test(attributes, io_priority_is_set) {
  const int value = process::plan_io_priority({"IOPRIO_CLASS_BE", 6});
  cr_expect(in_child([&] {
    process::apply_io_priority(value);
    return own_io_priority() == (2 << 13 | 6);  // IOPRIO_CLASS_BE
  }));
  expect_part(message_of([] { process::plan_io_priority({"IOPRIO_CLASS_BEST", 0}); }), "IOPRIO_CLASS_BEST");
  expect_part(message_of([] {
                process::plan_io_priority({"IOPRIO_CLASS_RT", 8});
              }),
              "8 is not between 0 and 7");
}

Test(attributes, io_priority_does_not_reach_our_callers_group) {
  const long before = own_io_priority();
  const pid_t pid = fork();  // in our process group
  if (pid == 0) {
    process::apply_io_priority(process::plan_io_priority({"IOPRIO_CLASS_IDLE", 0}));
    _exit(0);
  }
  waitpid(pid, nullptr, 0);
  cr_expect(own_io_priority() == before);
}

Test(attributes, personality_is_set) {
  const unsigned long persona = process::plan_personality({"LINUX32", {}});
  cr_expect(in_child([&] {
    process::apply_personality(persona);
    return personality(0xffffffff) == PER_LINUX32;
  }));
  cr_expect(process::plan_personality({"LINUX", {}}) == PER_LINUX);
  expect_part(message_of([] {
                process::plan_personality({"BSD", {}});
              }),
              "/linux/personality/domain: \"BSD\"");
  expect_part(message_of([] {
                process::plan_personality({"LINUX", {"ADDR_NO_RANDOMIZE"}});
              }),
              "ADDR_NO_RANDOMIZE");
}

Test(attributes, memory_policy_is_planned_for_any_node) {
  const auto plan = process::plan_memory_policy({"MPOL_INTERLEAVE", "0-1,1500", {"MPOL_F_STATIC_NODES"}});
  cr_expect(plan.mode == (MPOL_INTERLEAVE | MPOL_F_STATIC_NODES));
  cr_assert(plan.nodes.size() == 1500 / 64 + 1);
  cr_expect(plan.nodes[0] == 3 && plan.nodes[1500 / 64] == 1ul << 1500 % 64);
  cr_expect(plan.max_node == plan.nodes.size() * 64 + 1);
}

Test(attributes, memory_policy_is_set) {
  const auto plan = process::plan_memory_policy({"MPOL_BIND", "0", {}});
  cr_expect(in_child([&] {
    process::apply_memory_policy(plan);
    int mode = -1;
    unsigned long nodes[64]{};
    return syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, nullptr, 0) == 0 && mode == MPOL_BIND &&
           nodes[0] == 1;
  }));
}

Test(attributes, memory_policies_that_make_no_sense_are_refused) {
  expect_part(refused(spec::MemoryPolicy{"MPOL_NOPE", "", {}}), "/linux/memoryPolicy/mode: \"MPOL_NOPE\"");
  expect_part(refused(spec::MemoryPolicy{"MPOL_BIND", "", {}}), "needs at least one node");
  expect_part(refused(spec::MemoryPolicy{"MPOL_DEFAULT", "0", {}}), "takes no nodes");
  expect_part(refused(spec::MemoryPolicy{"MPOL_LOCAL", "", {"MPOL_F_STATIC_NODES"}}), "takes no flags");
  expect_part(refused(spec::MemoryPolicy{"MPOL_BIND", "0", {"MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"}}),
              "exclude");
  expect_part(refused(spec::MemoryPolicy{"MPOL_BIND", "0", {"MPOL_F_NOPE"}}), "MPOL_F_NOPE");
  expect_part(refused(spec::MemoryPolicy{"MPOL_BIND", "zero", {}}), "/linux/memoryPolicy/nodes: \"zero\"");
  cr_expect(refused(spec::MemoryPolicy{"MPOL_PREFERRED", "", {}}).empty());
  cr_expect(process::known_memory_policy_modes().size() == 7 &&
            process::known_memory_policy_flags().size() == 3);
}

Test(attributes, lists_are_read_as_the_kernel_writes_them) {
  auto words = [](std::string_view list) { return process::parse_cpu_list(list, "cpus"); };
  cr_expect(words("0-3,7") == std::vector<unsigned long>{0x8f});
  cr_expect(words(" 0 , 2-2 \n") == std::vector<unsigned long>{5});
  cr_expect(words("63,64").size() == 2 && words("63,64")[0] == 1ul << 63 && words("63,64")[1] == 1);
  cr_expect(words("4095").size() == 64);
  for (const char* list : {"", ",", "a", "1-", "-1", "1--2", "0x1", "1 2", "3-1", "99999999999", "0-40000"}) {
    const std::string text =
        message_of([&] { process::parse_cpu_list(list, "/process/execCPUAffinity/initial"); });
    cr_expect(text.starts_with("/process/execCPUAffinity/initial: "), "\"%s\": \"%s\"", list, text.c_str());
  }
}

Test(attributes, cpu_affinity_is_set_and_reset) {
  cr_expect(in_child([] {
    cpu_set_t all{}, one{}, again{};
    sched_getaffinity(0, sizeof all, &all);
    process::set_cpu_affinity(0, process::parse_cpu_list("0", "cpus"));
    sched_getaffinity(0, sizeof one, &one);
    process::reset_cpu_affinity(0);
    sched_getaffinity(0, sizeof again, &again);
    return CPU_COUNT(&one) == 1 && CPU_ISSET(0, &one) && CPU_EQUAL(&all, &again);
  }));
  expect_part(message_of([] { process::set_cpu_affinity(0, process::parse_cpu_list("8000", "cpus")); }),
              "cpuset");
}
