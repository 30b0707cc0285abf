#include "rocker-runc/process/capabilities.hh"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <set>

#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

// By number, as linux/capability.h has them. Not libcap's table: its static constructor asks the kernel seven
// questions at every start, and it only knows lower case.
constexpr std::array<std::string_view, 41> names{"CAP_CHOWN",
                                                 "CAP_DAC_OVERRIDE",
                                                 "CAP_DAC_READ_SEARCH",
                                                 "CAP_FOWNER",
                                                 "CAP_FSETID",
                                                 "CAP_KILL",
                                                 "CAP_SETGID",
                                                 "CAP_SETUID",
                                                 "CAP_SETPCAP",
                                                 "CAP_LINUX_IMMUTABLE",
                                                 "CAP_NET_BIND_SERVICE",
                                                 "CAP_NET_BROADCAST",
                                                 "CAP_NET_ADMIN",
                                                 "CAP_NET_RAW",
                                                 "CAP_IPC_LOCK",
                                                 "CAP_IPC_OWNER",
                                                 "CAP_SYS_MODULE",
                                                 "CAP_SYS_RAWIO",
                                                 "CAP_SYS_CHROOT",
                                                 "CAP_SYS_PTRACE",
                                                 "CAP_SYS_PACCT",
                                                 "CAP_SYS_ADMIN",
                                                 "CAP_SYS_BOOT",
                                                 "CAP_SYS_NICE",
                                                 "CAP_SYS_RESOURCE",
                                                 "CAP_SYS_TIME",
                                                 "CAP_SYS_TTY_CONFIG",
                                                 "CAP_MKNOD",
                                                 "CAP_LEASE",
                                                 "CAP_AUDIT_WRITE",
                                                 "CAP_AUDIT_CONTROL",
                                                 "CAP_SETFCAP",
                                                 "CAP_MAC_OVERRIDE",
                                                 "CAP_MAC_ADMIN",
                                                 "CAP_SYSLOG",
                                                 "CAP_WAKE_ALARM",
                                                 "CAP_BLOCK_SUSPEND",
                                                 "CAP_AUDIT_READ",
                                                 "CAP_PERFMON",
                                                 "CAP_BPF",
                                                 "CAP_CHECKPOINT_RESTORE"};
static_assert(CAP_LAST_CAP + 1 <= names.size() && CAP_CHECKPOINT_RESTORE == 40);

// The kernel's own last capability, /proc/sys/kernel/cap_last_cap, without a procfs: PR_CAPBSET_READ refuses
// what is above it.
int last_capability() {
  static const int last = [] {
    int n = static_cast<int>(names.size()) - 1;
    while (n < 63 && prctl(PR_CAPBSET_READ, n + 1, 0, 0, 0) >= 0) ++n;
    while (n > 0 && prctl(PR_CAPBSET_READ, n, 0, 0, 0) < 0) --n;
    return n;
  }();
  return last;
}

constexpr std::uint64_t bit(int capability) {
  return std::uint64_t{1} << capability;
}

std::string name_of(int capability) {
  return static_cast<std::size_t>(capability) < names.size()
             ? std::string(names[static_cast<std::size_t>(capability)])
             : cat("capability ", capability);
}

// What this process may hand on.
struct Own {
  std::uint64_t permitted = 0, inheritable = 0;
};

Own own_sets() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data) < 0) throw system_error("capget");
  auto both = [](std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; };
  return {both(data[0].permitted, data[1].permitted), both(data[0].inheritable, data[1].inheritable)};
}

// Says once for each capability why a set does not get it.
class Warnings {
 public:
  void say(int capability, std::string_view set, std::string_view why) {
    if (seen_ & bit(capability)) return;
    seen_ |= bit(capability);
    log::warn(cat("/process/capabilities/", set, ": ", name_of(capability), " ", why));
  }
  void unknown(const std::string& name, std::string_view set) {
    if (unknown_.insert(name).second) {
      log::warn(cat("/process/capabilities/", set, ": ", printable(name),
                    " is not a capability of this kernel: ignored"));
    }
  }
  // Takes out of `set` what is not in `allowed`.
  void restrict(std::uint64_t& set, std::uint64_t allowed, std::string_view name, std::string_view why) {
    for (int n = 0; n <= last_capability(); ++n) {
      if (set & ~allowed & bit(n)) say(n, name, why);
    }
    set &= allowed;
  }

 private:
  std::uint64_t seen_ = 0;
  std::set<std::string> unknown_;
};

std::uint64_t to_mask(const std::vector<std::string>& list, std::string_view set, Warnings& warnings) {
  std::uint64_t mask = 0;
  for (const std::string& name : list) {
    if (auto number = capability_number(name)) {
      mask |= bit(*number);
    } else {
      warnings.unknown(name, set);
    }
  }
  return mask;
}

}  // namespace

std::optional<int> capability_number(std::string_view name) {
  for (int n = 0; n <= last_capability() && n < static_cast<int>(names.size()); ++n) {
    if (names[static_cast<std::size_t>(n)] == name) return n;
  }
  return std::nullopt;
}

std::vector<std::string> known_capabilities() {
  std::vector<std::string> known;
  for (int n = 0; n <= last_capability() && n < static_cast<int>(names.size()); ++n)
    known.push_back(name_of(n));
  return known;
}

CapabilitySets plan_capabilities(const spec::Capabilities& wanted, bool new_user_namespace) {
  Warnings warnings;
  CapabilitySets sets;
  sets.bounding = to_mask(wanted.bounding, "bounding", warnings);
  sets.permitted = to_mask(wanted.permitted, "permitted", warnings);
  sets.effective = to_mask(wanted.effective, "effective", warnings);
  sets.inheritable = to_mask(wanted.inheritable, "inheritable", warnings);
  sets.ambient = to_mask(wanted.ambient, "ambient", warnings);

  // The first process of a user namespace has all capabilities in it (user_namespaces(7)), whatever we have
  // here.
  if (!new_user_namespace) {
    constexpr std::string_view missing = "can't be granted: rocker-runc does not have it itself";
    const Own own = own_sets();
    std::uint64_t bounding = 0;
    for (int n = 0; n <= last_capability(); ++n) {
      if (sets.bounding & bit(n) && prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1) bounding |= bit(n);
    }
    warnings.restrict(sets.bounding, bounding, "bounding", missing);
    warnings.restrict(sets.permitted, own.permitted, "permitted", missing);
    warnings.restrict(sets.inheritable, own.permitted | own.inheritable, "inheritable", missing);
  }
  // What capset(2) and PR_CAP_AMBIENT_RAISE would refuse (capabilities(7)).
  warnings.restrict(sets.effective, sets.permitted, "effective", "can't be granted: it is not in permitted");
  warnings.restrict(sets.ambient, sets.permitted & sets.inheritable, "ambient",
                    "can't be granted: it is not in both permitted and inheritable");
  return sets;
}

void drop_bounding(const CapabilitySets& sets) {
  for (int n = 0; n <= last_capability(); ++n) {
    if (sets.bounding & bit(n)) continue;
    if (prctl(PR_CAPBSET_DROP, n, 0, 0, 0) == 0) continue;
    const int error = errno;
    if (prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 0) continue;  // was not there
    throw system_error(cat("dropping ", name_of(n), " from the bounding set"), error);
  }
}

void set_capabilities(const CapabilitySets& sets) {
  auto low = [](std::uint64_t set) { return static_cast<std::uint32_t>(set); };
  auto high = [](std::uint64_t set) { return static_cast<std::uint32_t>(set >> 32); };
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
                                 {high(sets.effective), high(sets.permitted), high(sets.inheritable)}};
  if (syscall(SYS_capset, &header, data) < 0) throw system_error("setting the capabilities: capset");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) {
    throw system_error("clearing the ambient capabilities");
  }
  for (int n = 0; n <= last_capability(); ++n) {
    if (!(sets.ambient & bit(n))) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0) {
      throw system_error(cat("raising the ambient capability ", name_of(n)));
    }
  }
}

}  // namespace rocker::process
