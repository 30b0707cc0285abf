// process.capabilities (rocker-runc/process/capabilities.hh): planned, and set in a child that looks at
// itself.
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "rocker-runc/process/capabilities.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

constexpr std::uint64_t bit(int n) {
  return std::uint64_t{1} << n;
}

// "CapEff:\t00000000a80425fb" of a status file, as a number.
std::uint64_t status_mask(const std::string& status, const std::string& name) {
  const std::size_t at = status.find(cat(name, ":\t"));
  cr_assert(at != std::string::npos);
  unsigned long long mask = 0;
  cr_assert(parse_number(std::string_view(status).substr(at + name.size() + 2, 16), mask, 16));
  return mask;
}

// Sets the capabilities as init does, in a child that becomes `uid`, and gives its /proc/self/status.
std::string status_after(const process::CapabilitySets& sets, uid_t uid) {
  int ends[2];
  cr_assert(pipe(ends) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      process::drop_bounding(sets);
      prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
      if (uid != 0 && setresuid(uid, uid, uid) < 0) _exit(98);
      process::set_capabilities(sets);
      write_all(ends[1], read_file("/proc/self/status", 65536), "pipe");
    } catch (const Error& error) {
      write_all(ends[1], error.what(), "pipe");
      _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text = read_all(ends[0], "pipe", 65536);
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  cr_assert(status == 0, "%s", text.c_str());
  return text;
}

// What is written to stderr meanwhile.
template <typename Fn>
std::string stderr_of(Fn fn) {
  int ends[2];
  cr_assert(pipe(ends) == 0);
  const int saved = dup(2);
  dup2(ends[1], 2);
  fn();
  dup2(saved, 2);
  close(saved);
  close(ends[1]);
  std::string text = read_all(ends[0], "pipe", 65536);
  close(ends[0]);
  return text;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

Test(capabilities, names_are_the_kernels) {
  cr_expect(process::capability_number("CAP_CHOWN") == 0);
  cr_expect(process::capability_number("CAP_SYS_ADMIN") == CAP_SYS_ADMIN);
  cr_expect(process::capability_number("CAP_CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
  cr_expect(!process::capability_number("cap_chown") && !process::capability_number("CHOWN") &&
            !process::capability_number("") && !process::capability_number("CAP_NOPE"));
  const auto all = process::known_capabilities();
  cr_expect(std::set<std::string>(all.begin(), all.end()).size() == all.size());
  unsigned long long last = 0;
  cr_assert(parse_number(trim(read_file("/proc/sys/kernel/cap_last_cap", 64)), last));
  cr_expect(all.size() == std::min<std::size_t>(last + 1, 41));
}

Test(capabilities, a_root_process_gets_what_is_asked_for) {
  spec::Capabilities wanted;
  wanted.bounding = {"CAP_CHOWN", "CAP_KILL", "CAP_SETPCAP"};
  wanted.permitted = {"CAP_CHOWN", "CAP_KILL"};
  wanted.effective = {"CAP_KILL"};
  const std::string status = status_after(process::plan_capabilities(wanted), 0);
  cr_expect(status_mask(status, "CapBnd") == (bit(CAP_CHOWN) | bit(CAP_KILL) | bit(CAP_SETPCAP)));
  cr_expect(status_mask(status, "CapPrm") == (bit(CAP_CHOWN) | bit(CAP_KILL)));
  cr_expect(status_mask(status, "CapEff") == bit(CAP_KILL));
  cr_expect(status_mask(status, "CapInh") == 0 && status_mask(status, "CapAmb") == 0);
}

Test(capabilities, another_user_keeps_them_by_the_ambient_set) {
  spec::Capabilities wanted;
  wanted.bounding = wanted.permitted = wanted.effective =
      wanted.inheritable = {"CAP_NET_RAW", "CAP_NET_BIND_SERVICE"};
  wanted.ambient = {"CAP_NET_BIND_SERVICE"};
  const std::string status = status_after(process::plan_capabilities(wanted), 1234);
  const std::uint64_t both = bit(CAP_NET_RAW) | bit(CAP_NET_BIND_SERVICE);
  for (const char* set : {"CapBnd", "CapPrm", "CapEff", "CapInh"})
    cr_expect(status_mask(status, set) == both, "%s", set);
  cr_expect(status_mask(status, "CapAmb") == bit(CAP_NET_BIND_SERVICE));
}

Test(capabilities, none_is_none) {
  const std::string status = status_after(process::plan_capabilities({}), 0);
  for (const char* set : {"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"}) {
    cr_expect(status_mask(status, set) == 0, "%s", set);
  }
}

Test(capabilities, an_unknown_one_is_one_warning_and_no_error) {
  spec::Capabilities wanted;
  wanted.bounding = wanted.permitted = wanted.effective = {"CAP_NOPE", "CAP_KILL", "CAP_NOPE"};
  process::CapabilitySets sets;
  const std::string text = stderr_of([&] { sets = process::plan_capabilities(wanted); });
  cr_expect(count(text, "CAP_NOPE") == 1, "%s", text.c_str());
  cr_expect(count(text, "\n") == 1, "%s", text.c_str());
  cr_expect(sets.permitted == bit(CAP_KILL));
}

Test(capabilities, what_cannot_be_granted_is_a_warning_and_left_out) {
  spec::Capabilities wanted;
  wanted.bounding = {"CAP_KILL"};
  wanted.permitted = {"CAP_KILL"};
  wanted.effective = {"CAP_KILL", "CAP_CHOWN"};
  wanted.ambient = {"CAP_KILL"};
  process::CapabilitySets sets;
  const std::string text = stderr_of([&] { sets = process::plan_capabilities(wanted); });
  cr_expect(sets.effective == bit(CAP_KILL) && sets.ambient == 0);
  cr_expect(text.find("CAP_CHOWN") != std::string::npos && text.find("not in permitted") != std::string::npos,
            "%s", text.c_str());
  cr_expect(text.find("ambient: CAP_KILL") != std::string::npos, "%s", text.c_str());
}

Test(capabilities, we_cannot_hand_on_what_we_do_not_have) {
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0);
    spec::Capabilities wanted;
    wanted.bounding = {"CAP_SYS_BOOT", "CAP_KILL"};
    process::CapabilitySets sets, inside;
    const std::string text = stderr_of([&] {
      sets = process::plan_capabilities(wanted);
      inside = process::plan_capabilities(wanted, true);
    });
    // A new user namespace gives its first process all of them.
    const bool right = sets.bounding == bit(CAP_KILL) && count(text, "CAP_SYS_BOOT") == 1 &&
                       inside.bounding == (bit(CAP_KILL) | bit(CAP_SYS_BOOT));
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  cr_expect(status == 0);
}
