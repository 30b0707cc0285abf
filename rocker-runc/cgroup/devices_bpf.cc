// The device program of the unified hierarchy. It is a dozen instructions a rule: assembled here, with no
// library.
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "rocker-runc/cgroup/devices.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// The name by which a program of ours is known again among systemd's and others' on the same group.
constexpr char program_name[] = "rocker_devices";

int bpf(int command, bpf_attr& attr) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr));
}

std::uint64_t address(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

enum Register : std::uint8_t {
  result = 0,
  context = 1,
  type = 2,
  access = 3,
  major_number = 4,
  minor_number = 5,
  scratch = 6
};

bpf_insn load_word(Register to, int offset) {
  return {BPF_LDX | BPF_W | BPF_MEM, to, context, static_cast<std::int16_t>(offset), 0};
}
bpf_insn arithmetic(int operation, Register on, std::int32_t value) {
  return {static_cast<std::uint8_t>(BPF_ALU | operation | BPF_K), on, 0, 0, value};
}
bpf_insn copy(Register to, Register from) {
  return {BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0};
}
bpf_insn jump(int condition, Register a, std::int32_t value) {
  return {static_cast<std::uint8_t>(BPF_JMP | condition | BPF_K), a, 0, 0, value};
}
bpf_insn answer(bool allow) {
  return {BPF_ALU64 | BPF_MOV | BPF_K, result, 0, 0, allow ? 1 : 0};
}
bpf_insn leave() {
  return {BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
}

// Linux has 12 bits of major and 20 of minor numbers: a larger number is that of no device.
bool names_a_device(const DeviceMatch& rule) {
  return rule.major.value_or(0) < (1u << 12) && rule.minor.value_or(0) < (1u << 20);
}

UniqueFd load(const std::vector<bpf_insn>& program) {
  bpf_attr attr{};
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = address(program.data());
  attr.insn_cnt = static_cast<std::uint32_t>(program.size());
  static const char license[] = "Apache-2.0";  // no helper that is for the GPL only is called
  attr.license = address(license);
  std::memcpy(attr.prog_name, program_name, sizeof program_name);
  UniqueFd fd(bpf(BPF_PROG_LOAD, attr));
  if (!fd && errno == EPERM) {
    // Before Linux 5.11 programs counted as locked memory.
    rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) == 0)
      fd.reset(bpf(BPF_PROG_LOAD, attr));
    else
      errno = EPERM;
  }
  if (!fd) {
    Error error = system_error("cgroup devices: load the eBPF program of the device rules");
    if (error.errno_value() == EPERM) error.hint("it takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN");
    if (error.errno_value() == EINVAL || error.errno_value() == ENOSYS)
      error.hint("it takes CONFIG_CGROUP_BPF and Linux 4.15");
    if (error.errno_value() == E2BIG) error.hint("there are too many device rules for this kernel");
    throw error;
  }
  return fd;
}

// The program of ours that is attached to the group itself, if there is one.
UniqueFd attached_program(int group_fd) {
  std::vector<std::uint32_t> ids(64);
  for (;;) {
    bpf_attr attr{};
    attr.query.target_fd = static_cast<std::uint32_t>(group_fd);
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_cnt = static_cast<std::uint32_t>(ids.size());
    attr.query.prog_ids = address(ids.data());
    if (bpf(BPF_PROG_QUERY, attr) == 0) {
      ids.resize(attr.query.prog_cnt);
      break;
    }
    if (errno != ENOSPC || ids.size() > 65536)
      throw system_error("cgroup devices: query the eBPF programs of the group");
    ids.resize(ids.size() * 2);
  }
  for (const std::uint32_t id : ids) {
    bpf_attr attr{};
    attr.prog_id = id;
    UniqueFd fd(bpf(BPF_PROG_GET_FD_BY_ID, attr));
    if (!fd) continue;  // detached in the meantime
    bpf_prog_info info{};
    bpf_attr query{};
    query.info.bpf_fd = static_cast<std::uint32_t>(fd.get());
    query.info.info_len = sizeof info;
    query.info.info = address(&info);
    if (bpf(BPF_OBJ_GET_INFO_BY_FD, query) == 0 && std::strcmp(info.name, program_name) == 0) return fd;
  }
  return {};
}

}  // namespace

std::vector<bpf_insn> device_program(const std::vector<DeviceMatch>& rules) {
  std::vector<bpf_insn> program{
      load_word(type, offsetof(bpf_cgroup_dev_ctx, access_type)),
      copy(access, type),
      arithmetic(BPF_AND, type, 0xFFFF),
      arithmetic(BPF_RSH, access, 16),
      load_word(major_number, offsetof(bpf_cgroup_dev_ctx, major)),
      load_word(minor_number, offsetof(bpf_cgroup_dev_ctx, minor)),
  };
  // The last rule that fits decides a bit: they are asked from the last to the first, and `access` keeps the
  // bits of the request that are not decided yet.
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (!names_a_device(*rule)) continue;
    std::vector<std::size_t> to_next;
    const auto unless = [&](Register a, std::int32_t value) {
      to_next.push_back(program.size());
      program.push_back(jump(BPF_JNE, a, value));
    };
    if (rule->type != 'a') unless(type, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (rule->major) unless(major_number, static_cast<std::int32_t>(*rule->major));
    if (rule->minor) unless(minor_number, static_cast<std::int32_t>(*rule->minor));
    if (rule->access != access_all && rule->allow) {
      program.push_back(arithmetic(BPF_AND, access, ~rule->access & access_all));
      unless(access, 0);
    } else if (rule->access != access_all) {
      program.push_back(copy(scratch, access));
      program.push_back(arithmetic(BPF_AND, scratch, rule->access));
      to_next.push_back(program.size());
      program.push_back(jump(BPF_JEQ, scratch, 0));
    }
    program.push_back(answer(rule->allow));
    program.push_back(leave());
    for (const std::size_t at : to_next) program[at].off = static_cast<std::int16_t>(program.size() - at - 1);
    // Behind an answer for everything nothing is reached, and the verifier refuses what can't be reached.
    if (to_next.empty()) return program;
  }
  program.push_back(answer(false));
  program.push_back(leave());
  return program;
}

// 0, or what the kernel says; that it is detached already is fine.
static int detach(int group_fd, const UniqueFd& program) {
  bpf_attr attr{};
  attr.target_fd = static_cast<std::uint32_t>(group_fd);
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  return bpf(BPF_PROG_DETACH, attr) == 0 || errno == ENOENT ? 0 : errno;
}

void detach_device_program(int group_fd) {
  const UniqueFd program = attached_program(group_fd);
  if (!program) return;
  if (const int why = detach(group_fd, program); why != 0) {
    throw system_error("cgroup devices: detach the eBPF program of the device rules", why);
  }
}

void attach_device_program(int group_fd, const std::vector<DeviceMatch>& rules, bool replace) {
  const UniqueFd program = load(device_program(rules));
  // Somebody else may replace the program at the same time: then once more.
  for (int attempt = 0;; ++attempt) {
    const UniqueFd old = replace ? attached_program(group_fd) : UniqueFd();
    bpf_attr attr{};
    attr.target_fd = static_cast<std::uint32_t>(group_fd);
    attr.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (old) {
      attr.attach_flags |= BPF_F_REPLACE;
      attr.replace_bpf_fd = static_cast<std::uint32_t>(old.get());
    }
    if (bpf(BPF_PROG_ATTACH, attr) == 0) return;
    int why = errno;
    if (old && why == EINVAL) {
      // BPF_F_REPLACE is of Linux 5.6. With both attached a device has to pass both, so nothing is open
      // meanwhile.
      bpf_attr add = attr;
      add.attach_flags = BPF_F_ALLOW_MULTI;
      add.replace_bpf_fd = 0;
      why = bpf(BPF_PROG_ATTACH, add) == 0 ? detach(group_fd, old) : errno;
      if (why == 0) return;
    }
    if (old && why == ENOENT && attempt < 20) continue;
    Error error = system_error("cgroup devices: attach the eBPF program of the device rules", why);
    if (why == EPERM) error.hint("a group above may have a device program that allows no other below it");
    throw error;
  }
}

}  // namespace rocker::cgroup
