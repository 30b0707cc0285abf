#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>

#include "rocker-runc/process/seccomp_plan.hh"

namespace rocker::process {

namespace {

constexpr std::uint32_t ret_enosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t x32_bit = 0x40000000;  // __X32_SYSCALL_BIT
constexpr bool little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

using Code = std::vector<sock_filter>;

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter give(std::uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}
sock_filter skip(std::size_t count) {
  return BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(count));
}
sock_filter jump(int condition, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
  return BPF_JUMP(static_cast<unsigned short>(BPF_JMP | condition | BPF_K), value,
                  static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false));
}

// if (accumulator CONDITION value) goto there; "there" is where end_branch() is called. A conditional jump
// reaches 255 instructions far, the other kind everywhere.
std::size_t begin_branch(Code& code, int condition, std::uint32_t value) {
  code.push_back(jump(condition, value, 0, 0));
  return code.size() - 1;
}
void end_branch(Code& code, std::size_t branch) {
  const std::size_t distance = code.size() - branch - 1;
  if (distance <= 255) {
    code[branch].jt = static_cast<std::uint8_t>(distance);
  } else {
    code[branch].jf = 1;
    code.insert(code.begin() + static_cast<std::ptrdiff_t>(branch) + 1, skip(distance));
  }
}

// ---- conditions on arguments

// Where a jump inside a rule leads; put in when the lengths are known.
enum class To { next, holds, fails };
struct Step {
  sock_filter instruction;
  To if_true = To::next, if_false = To::next;
};

Step test(int condition, std::uint32_t value, To if_true, To if_false) {
  return {jump(condition, value, 0, 0), if_true, if_false};
}

// One comparison, unsigned. A 32-bit architecture has 32-bit arguments.
std::vector<Step> condition(const scmp_arg_cmp& arg, bool wide) {
  const std::size_t base = offsetof(seccomp_data, args) + 8 * arg.arg;
  const Step low{load(base + (little_endian ? 0 : 4))}, high{load(base + (little_endian ? 4 : 0))};
  auto lower = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  auto upper = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
  auto mask = [](std::uint32_t bits) { return Step{BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits)}; };
  const std::uint64_t value = arg.datum_a;
  std::vector<Step> steps;

  // Equality is of both halves, order is decided by the upper one unless it is equal.
  switch (arg.op) {
    case SCMP_CMP_EQ:
    case SCMP_CMP_NE: {
      const bool equal = arg.op == SCMP_CMP_EQ;
      if (wide) {
        steps = {high, test(BPF_JEQ, upper(value), To::next, equal ? To::fails : To::holds)};
      }
      steps.push_back(low);
      steps.push_back(
          test(BPF_JEQ, lower(value), equal ? To::holds : To::fails, equal ? To::fails : To::holds));
      break;
    }
    case SCMP_CMP_MASKED_EQ:
      if (wide) {
        steps = {high, mask(upper(value)), test(BPF_JEQ, upper(arg.datum_b), To::next, To::fails)};
      }
      steps.push_back(low);
      steps.push_back(mask(lower(value)));
      steps.push_back(test(BPF_JEQ, lower(arg.datum_b), To::holds, To::fails));
      break;
    default: {
      const bool greater = arg.op == SCMP_CMP_GT || arg.op == SCMP_CMP_GE;
      const To above = greater ? To::holds : To::fails, below = greater ? To::fails : To::holds;
      if (wide) {
        steps = {high, test(BPF_JGT, upper(value), above, To::next),
                 test(BPF_JEQ, upper(value), To::next, below)};
      }
      steps.push_back(low);
      const bool with_equal_above = arg.op == SCMP_CMP_GE || arg.op == SCMP_CMP_LT;
      steps.push_back(test(with_equal_above ? BPF_JGE : BPF_JGT, lower(value), above, below));
    }
  }
  return steps;
}

// Every condition in turn; what fails leads behind the end of all.
void append_rule(Code& code, const std::vector<scmp_arg_cmp>& args, std::uint32_t action, bool wide) {
  std::vector<std::vector<Step>> conditions;
  std::size_t left = 1;  // instructions from here to behind the rule, its return with them
  for (const scmp_arg_cmp& arg : args) {
    conditions.push_back(condition(arg, wide));
    left += conditions.back().size();
  }
  for (const std::vector<Step>& steps : conditions) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      --left;
      const std::size_t to_end_of_condition = steps.size() - 1 - i;
      auto distance = [&](To to) {
        const std::size_t far = to == To::holds ? to_end_of_condition : to == To::fails ? left : 0;
        return static_cast<std::uint8_t>(far);
      };
      sock_filter instruction = steps[i].instruction;
      if (BPF_CLASS(instruction.code) == BPF_JMP) {
        instruction.jt = distance(steps[i].if_true);
        instruction.jf = distance(steps[i].if_false);
      }
      code.push_back(instruction);
    }
  }
  code.push_back(give(action));
}

// ---- numbers

// What one rule of the profile says about one number.
struct Entry {
  std::uint32_t number;
  std::uint32_t action;
  const std::vector<scmp_arg_cmp>* conditions;
};

// All of them for one architecture, by number, and in the order of the profile for each.
struct Table {
  std::vector<Entry> entries;
  std::vector<std::unique_ptr<std::vector<scmp_arg_cmp>>> own_conditions;
  int largest = -1;  // that is named, whatever the action
};

// x86 has the calls of sockets and of System V IPC in two forms: by number since 4.3 and 5.1, and as the
// first argument of socketcall(2) and ipc(2). libseccomp gives the second form a negative number: -100 and
// -200 less the argument.
constexpr std::uint32_t x86_socketcall = 102, x86_ipc = 117;

// The number of the first form (asm/unistd_32.h); 0 when there is none.
std::uint32_t x86_direct_number(int pseudo) {
  struct Pair {
    int argument;
    std::uint32_t number;
  };
  static constexpr std::array<Pair, 27> pairs{{
      {101, 359}, {102, 361}, {103, 362}, {104, 363}, {106, 367}, {107, 368},
      {108, 360},  // socket .. socketpair
      {111, 369}, {112, 371}, {113, 373}, {114, 366}, {115, 365}, {116, 370},
      {117, 372},                                                              // sendto .. recvmsg
      {118, 364}, {119, 337}, {120, 345},                                      // accept4, recvmmsg, sendmmsg
      {202, 393}, {203, 394}, {211, 400}, {212, 401}, {213, 399}, {214, 402},  // semget .. msgctl
      {221, 397}, {222, 398}, {223, 395}, {224, 396},                          // shmat .. shmctl
  }};
  for (const Pair& pair : pairs) {
    if (pair.argument == -pseudo) return pair.number;
  }
  return 0;
}

void add_x86_multiplexed(Table& table, int pseudo, std::uint32_t action,
                         const std::vector<scmp_arg_cmp>& conditions) {
  const bool socket = pseudo > -200;
  // The other arguments are behind a pointer, where no filter can look: conditions on them are kept as they
  // are, as libseccomp does, but the first is the call.
  auto own = std::make_unique<std::vector<scmp_arg_cmp>>();
  own->push_back({0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(-pseudo - (socket ? 100 : 200)), 0});
  for (const scmp_arg_cmp& arg : conditions) {
    if (arg.arg != 0) own->push_back(arg);
  }
  table.entries.push_back({socket ? x86_socketcall : x86_ipc, action, own.get()});
  table.own_conditions.push_back(std::move(own));
  if (const std::uint32_t direct = x86_direct_number(pseudo))
    table.entries.push_back({direct, action, &conditions});
}

Table make_table(const SeccompPlan& plan, std::uint32_t architecture) {
  Table table;
  table.entries.reserve(plan.calls.size() + 64);
  for (const SeccompCall& call : plan.calls) {
    const int number = seccomp_syscall_resolve_name_arch(architecture, call.name);
    table.largest = std::max(table.largest, number);
    if (call.action == plan.fallback) continue;
    const std::vector<scmp_arg_cmp>& conditions = plan.conditions[call.conditions];
    if (number >= 0) {
      table.entries.push_back({static_cast<std::uint32_t>(number), call.action, &conditions});
    } else if (architecture == SCMP_ARCH_X86 && number <= -100 && number >= -224) {
      add_x86_multiplexed(table, number, call.action, conditions);
    }
  }
  std::stable_sort(table.entries.begin(), table.entries.end(),
                   [](const Entry& a, const Entry& b) { return a.number < b.number; });
  return table;
}

// Numbers from `first` on, up to the next range: an action, or the rules of the entries from `from` to `to`.
struct Range {
  std::uint32_t first;
  std::uint32_t action;
  std::size_t from = 0, to = 0;
};

std::vector<Range> make_ranges(const Table& table, const SeccompPlan& plan) {
  std::vector<Range> ranges;
  ranges.reserve(2 * table.entries.size() + 3);
  auto begin = [&](Range range) {
    if (!ranges.empty() && ranges.back().first == range.first) ranges.pop_back();
    const bool same = !ranges.empty() && range.from == range.to && ranges.back().from == ranges.back().to &&
                      ranges.back().action == range.action;
    if (!same) ranges.push_back(range);
  };
  begin({0, plan.fallback});
  for (std::size_t from = 0, to = 0; from < table.entries.size(); from = to) {
    const std::uint32_t number = table.entries[from].number;
    const Entry* unconditional = nullptr;
    for (to = from; to < table.entries.size() && table.entries[to].number == number; ++to) {
      if (table.entries[to].conditions->empty() && unconditional == nullptr)
        unconditional = &table.entries[to];
    }
    // libseccomp drops the conditions of a call that has a rule without any; the first such rule counts.
    if (unconditional != nullptr) {
      begin({number, unconditional->action});
    } else {
      begin({number, plan.fallback, from, to});
    }
    begin({number + 1, plan.fallback});
  }
  if (plan.newer_enosys && table.largest >= 0) {
    begin({static_cast<std::uint32_t>(table.largest) + 1, ret_enosys});
    // No system call at all: a tracer's way to skip one.
    begin({UINT32_MAX, plan.fallback});
  }
  return ranges;
}

struct Section {
  const Table& table;
  const std::vector<Range>& ranges;
  std::uint32_t fallback;
  bool wide;

  void append(Code& code, std::size_t from, std::size_t to) const {
    if (to - from == 1) return append_range(code, ranges[from]);
    const std::size_t middle = from + (to - from) / 2;
    const std::size_t branch = begin_branch(code, BPF_JGE, ranges[middle].first);
    append(code, from, middle);
    end_branch(code, branch);
    append(code, middle, to);
  }
  void append_range(Code& code, const Range& range) const {
    // The first rule whose conditions hold counts.
    for (std::size_t i = range.from; i < range.to; ++i) {
      append_rule(code, *table.entries[i].conditions, table.entries[i].action, wide);
    }
    code.push_back(give(range.action));
  }
};

// The number is in the accumulator.
void append_section(Code& code, const SeccompPlan& plan, std::uint32_t architecture) {
  // Not x32: it passes 64 bits, but has longs and pointers of 32, and libseccomp compares those.
  const bool wide = architecture & __AUDIT_ARCH_64BIT;
  const Table table = make_table(plan, architecture);
  const std::vector<Range> ranges = make_ranges(table, plan);
  Section{table, ranges, plan.fallback, wide}.append(code, 0, ranges.size());
}

// x32 numbers have bit 30 set, and so has -1, which is no number of either.
void append_x86_64(Code& code, const SeccompPlan& plan) {
  const std::size_t above = begin_branch(code, BPF_JGE, x32_bit);
  append_section(code, plan, SCMP_ARCH_X86_64);
  end_branch(code, above);
  const std::size_t none = begin_branch(code, BPF_JEQ, UINT32_MAX);
  if (std::find(plan.architectures.begin(), plan.architectures.end(), SCMP_ARCH_X32) !=
      plan.architectures.end()) {
    append_section(code, plan, SCMP_ARCH_X32);
  } else {
    code.push_back(give(SECCOMP_RET_KILL_THREAD));
  }
  end_branch(code, none);
  code.push_back(give(plan.fallback));
}

}  // namespace

bool can_generate_seccomp(const SeccompPlan& plan) {
  return std::all_of(plan.architectures.begin(), plan.architectures.end(), [](std::uint32_t architecture) {
    return architecture == SCMP_ARCH_X86_64 || architecture == SCMP_ARCH_X86 ||
           architecture == SCMP_ARCH_X32 || architecture == SCMP_ARCH_AARCH64 ||
           architecture == SCMP_ARCH_ARM || architecture == SCMP_ARCH_RISCV64;
  });
}

std::vector<sock_filter> generate_seccomp(const SeccompPlan& plan) {
  Code code;
  code.reserve(1024);
  code.push_back(load(offsetof(seccomp_data, arch)));
  // The native one comes first.
  for (const std::uint32_t architecture : plan.architectures) {
    if (architecture == SCMP_ARCH_X32) continue;  // the kernel's name of it is x86-64
    code.push_back(jump(BPF_JEQ, architecture, 1, 0));
    code.push_back(skip(0));  // over this architecture, as far as it turns out to be
    const std::size_t start = code.size();
    code.push_back(load(offsetof(seccomp_data, nr)));
    if (architecture == SCMP_ARCH_X86_64) {
      append_x86_64(code, plan);
    } else {
      append_section(code, plan, architecture);
    }
    code[start - 1].k = static_cast<std::uint32_t>(code.size() - start);
  }
  // An architecture that the profile does not have must not be a way around it.
  code.push_back(give(SECCOMP_RET_KILL_THREAD));
  return code;
}

}  // namespace rocker::process
