// Between a profile and a program: what a profile asks for, checked and in numbers (seccomp.cc makes it), and
// the two ways from there to BPF.
#pragma once

#include <linux/filter.h>
#include <seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

#include "spec/config.hh"

namespace rocker::process {

// One rule of the profile for one system call. All conditions must hold.
struct SeccompCall {
  const char* name;          // of the profile, which outlives the plan
  std::uint32_t action;      // SCMP_ACT_*, with its errno; one that is the fallback says nothing
  std::uint32_t conditions;  // an index into SeccompPlan::conditions
};

struct SeccompPlan {
  std::uint32_t fallback = 0;                         // of defaultAction
  std::vector<std::uint32_t> architectures;           // SCMP_ARCH_*, the native one first
  std::vector<SeccompCall> calls;                     // in the order of the profile
  std::vector<std::vector<scmp_arg_cmp>> conditions;  // [0] is none; at most one for an argument
  bool newer_enosys = false;                          // system calls newer than all of `calls` give ENOSYS
};

// Throws as compile_seccomp does (seccomp.hh).
SeccompPlan plan_seccomp(const spec::Seccomp& profile);

// True when generate_seccomp can do it: it knows the multiplexed system calls of x86, and all architectures
// that have none.
bool can_generate_seccomp(const SeccompPlan& plan);

// Our own: for each architecture a binary search over ranges of numbers. For docker's profile it takes 0.1 ms
// where libseccomp takes 18, and the kernel runs half as many instructions. The names come from libseccomp,
// and a unit test holds the results of both against each other.
std::vector<sock_filter> generate_seccomp(const SeccompPlan& plan);

// libseccomp's, for the other architectures. Without ENOSYS: see enosys_stub.
std::vector<sock_filter> compile_with_libseccomp(const SeccompPlan& plan);

// A program to put before libseccomp's: a system call with a number above the largest one that the profile
// names for its architecture gives ENOSYS, everything else falls through.
std::vector<sock_filter> enosys_stub(const SeccompPlan& plan);

}  // namespace rocker::process
