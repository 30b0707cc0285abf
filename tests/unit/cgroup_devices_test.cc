// Device rules: decided bit by bit, the last rule that fits wins, and v1's list and v2's program say the same
// (rocker-runc/cgroup/devices.hh). The program is run here by an interpreter of the instructions that it is
// made of; tests/integration/devices.bats has the kernel run it.
#include <criterion/criterion.h>
#include <linux/bpf.h>

#include <string>
#include <vector>

#include "rocker-runc/cgroup/devices.hh"
#include "spec/support/str.hh"

using namespace rocker;
using namespace rocker::cgroup;

namespace {

spec::DeviceRule rule(bool allow, char type, std::optional<std::int64_t> major,
                      std::optional<std::int64_t> minor, const char* access) {
  return {.allow = allow, .type = type, .major = major, .minor = minor, .access = access};
}

// The answer of the kernel's v1 controller (security/device_cgroup.c: match_exception,
// match_exception_partial).
bool v1_allows(const DeviceList& list, char type, unsigned major, unsigned minor, unsigned access) {
  bool matched = false;
  for (const auto& line : list.exceptions) {
    const auto words = split(line, ' ');
    const auto numbers = split(words[1], ':');
    if (words[0][0] != type) continue;
    if (numbers[0] != "*" && numbers[0] != std::to_string(major)) continue;
    if (numbers[1] != "*" && numbers[1] != std::to_string(minor)) continue;
    unsigned bits = 0;
    for (const char c : words[2]) bits |= c == 'r' ? access_read : c == 'w' ? access_write : access_mknod;
    matched |= list.allow_by_default ? (bits & access) != 0 : (bits & access) == access;
  }
  return list.allow_by_default ? !matched : matched;
}

bool v2_allows(const std::vector<bpf_insn>& program, char type, unsigned major, unsigned minor,
               unsigned access) {
  const std::uint32_t context[3] = {access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                                    major, minor};
  std::uint64_t r[11] = {};
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn& i = program[at];
    const auto imm = static_cast<std::uint32_t>(i.imm);
    switch (i.code) {
      case BPF_LDX | BPF_W | BPF_MEM: r[i.dst_reg] = context[i.off / 4]; break;
      case BPF_ALU64 | BPF_MOV | BPF_X: r[i.dst_reg] = r[i.src_reg]; break;
      case BPF_ALU64 | BPF_MOV | BPF_K: r[i.dst_reg] = imm; break;
      case BPF_ALU | BPF_AND | BPF_K: r[i.dst_reg] = static_cast<std::uint32_t>(r[i.dst_reg]) & imm; break;
      case BPF_ALU | BPF_RSH | BPF_K: r[i.dst_reg] = static_cast<std::uint32_t>(r[i.dst_reg]) >> imm; break;
      case BPF_JMP | BPF_JNE | BPF_K: at += r[i.dst_reg] != imm ? static_cast<std::size_t>(i.off) : 0; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += r[i.dst_reg] == imm ? static_cast<std::size_t>(i.off) : 0; break;
      case BPF_JMP | BPF_EXIT: return r[0] != 0;
      default: cr_assert_fail("instruction %zu has an unexpected code 0x%x", at, i.code);
    }
  }
  cr_assert_fail("the program runs off its end");
  return false;
}

// Every request for a handful of devices around those that rules name; `exact` is whether v1 can say it.
void expect_same_answers(const char* what, const std::vector<spec::DeviceRule>& configured, bool exact) {
  const auto rules = device_rules(configured);
  const auto list = device_list(rules);
  const auto program = device_program(rules);
  cr_expect(list.exact == exact, "%s: v1 %s say it", what, list.exact ? "can" : "can't");
  for (const char type : {'b', 'c'}) {
    for (const unsigned major : {0u, 1u, 5u, 8u, 10u, 136u, 511u}) {
      for (const unsigned minor : {0u, 1u, 3u, 8u, 200u, 229u}) {
        const unsigned allowed = allowed_access(rules, type, major, minor);
        // The kernel asks for making a node, or for reading or writing or both, never for a mixture.
        for (const unsigned access : {1u, 2u, 4u, 6u}) {
          const bool expected = (allowed & access) == access;
          cr_expect(v2_allows(program, type, major, minor, access) == expected,
                    "%s: v2: %c %u:%u access %u: expected %d", what, type, major, minor, access, expected);
          const bool v1 = v1_allows(list, type, major, minor, access);
          if (exact) {
            cr_expect(v1 == expected, "%s: v1: %c %u:%u access %u: expected %d", what, type, major, minor,
                      access, expected);
          } else {
            // Then it may allow more, for the program to deny, and never less.
            cr_expect(v1 || !expected, "%s: v1: %c %u:%u access %u is denied", what, type, major, minor,
                      access);
          }
        }
      }
    }
  }
}

}  // namespace

Test(cgroup_devices, the_standard_allowances_always_hold) {
  for (const auto& configured : {std::vector<spec::DeviceRule>{},
                                 {rule(false, 'a', {}, {}, "rwm")},
                                 {rule(false, 'c', 1, 3, "rwm")}}) {
    const auto rules = device_rules(configured);
    cr_expect(allowed_access(rules, 'c', 1, 3) == access_all, "/dev/null");
    cr_expect(allowed_access(rules, 'c', 136, 7) == access_all, "/dev/pts/7");
    cr_expect(allowed_access(rules, 'b', 8, 0) == access_mknod, "a disk may be made and not opened");
  }
}

Test(cgroup_devices, v1_and_v2_give_the_same_answers) {
  const std::optional<std::int64_t> all;
  expect_same_answers("no rules", {}, true);
  expect_same_answers("deny all", {rule(false, 'a', all, all, "rwm")}, true);
  expect_same_answers("allow all", {rule(true, 'a', all, all, "rwm")}, true);
  expect_same_answers("allow all without access", {rule(true, 'a', all, all, "")}, true);
  expect_same_answers("allow one", {rule(true, 'b', 8, 1, "r")}, true);
  expect_same_answers("read and write apart", {rule(true, 'b', 8, 1, "r"), rule(true, 'b', 8, 1, "w")}, true);
  expect_same_answers("a whole major", {rule(true, 'b', 8, all, "rw")}, true);
  expect_same_answers("read of all, write of one", {rule(true, 'b', 8, all, "r"), rule(true, 'b', 8, 1, "w")},
                      true);
  expect_same_answers("a major and a minor cross",
                      {rule(true, 'b', 8, all, "r"), rule(true, 'b', all, 1, "w")}, true);
  expect_same_answers("allow, then deny", {rule(true, 'b', 8, 1, "rwm"), rule(false, 'b', 8, 1, "w")}, true);
  expect_same_answers("deny, then allow", {rule(false, 'b', 8, 1, "rwm"), rule(true, 'b', 8, 1, "r")}, true);
  expect_same_answers("both types of a number", {rule(true, 'a', 8, 1, "rw")}, true);
  expect_same_answers("all, but one", {rule(true, 'a', all, all, "rwm"), rule(false, 'c', 10, 229, "rw")},
                      true);
  expect_same_answers("all, but writing to a major",
                      {rule(true, 'a', all, all, "rwm"), rule(false, 'b', 8, all, "w")}, true);
  expect_same_answers("a major, but one", {rule(true, 'c', 10, all, "rw"), rule(false, 'c', 10, 229, "rw")},
                      false);
  expect_same_answers(
      "all, but a major, but one",
      {rule(true, 'a', all, all, "rwm"), rule(false, 'b', 8, all, "rw"), rule(true, 'b', 8, 1, "rw")}, false);
  expect_same_answers("no device has such a number",
                      {rule(true, 'c', 5000, 1, "rw"), rule(false, 'c', 1, 1 << 21, "r")}, true);
}

Test(cgroup_devices, a_denied_write_denies_opening_for_both) {
  // crun 1.8 lets this through: it compares the whole request with each rule.
  const auto rules = device_rules({rule(true, 'b', 8, 1, "rw"), rule(false, 'b', 8, 1, "w")});
  const auto program = device_program(rules);
  cr_expect(v2_allows(program, 'b', 8, 1, access_read));
  cr_expect(!v2_allows(program, 'b', 8, 1, access_read | access_write));
}

Test(cgroup_devices, what_is_after_a_rule_for_everything_is_left_out) {
  // Unreachable instructions would be refused by the verifier.
  const auto program =
      device_program({{.allow = false, .type = 'c', .major = 1, .minor = 1, .access = access_all},
                      {.allow = true, .type = 'a', .access = access_all}});
  cr_expect(program.size() == 8, "expected 6 + 2 instructions, got %zu", program.size());
}
