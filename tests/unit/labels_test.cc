// AppArmor and SELinux (rocker-runc/process/labels.hh), as far as a host without them shows; the rest is in
// tests/integration/apparmor.bats.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "rocker-runc/intel_rdt.hh"
#include "rocker-runc/process/labels.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"

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

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

Test(labels, none_is_always_fine) {
  const UniqueFd proc = open_path("/proc", O_PATH | O_DIRECTORY);
  cr_expect(message_of([&] {
              process::check_labels("", "");
              process::set_exec_labels(proc.get(), "", "");
            }) == "");
}

Test(labels, apparmor_that_is_not_there_is_named) {
  if (process::apparmor_enabled()) cr_skip_test("needs a host without AppArmor");
  const std::string text = message_of([] { process::check_labels("acme", ""); });
  cr_expect(has(text, "/process/apparmorProfile: acme") && has(text, "AppArmor is not enabled"), "%s",
            text.c_str());
  cr_expect(message_of([] { process::check_labels("unconfined", ""); }) == "");
  const UniqueFd proc = open_path("/proc", O_PATH | O_DIRECTORY);
  cr_expect(message_of([&] { process::set_exec_labels(proc.get(), "unconfined", ""); }) == "");
}

Test(labels, selinux_that_is_not_there_is_named) {
  if (process::selinux_enabled()) cr_skip_test("needs a host without SELinux");
  const std::string text =
      message_of([] { process::check_labels("", "system_u:system_r:svirt_lxc_net_t:s0"); });
  cr_expect(
      has(text, "/process/selinuxLabel: system_u:system_r:svirt_lxc_net_t:s0") && has(text, "not enabled"),
      "%s", text.c_str());
}

Test(intel_rdt, no_mounted_resctrl_is_an_error_that_says_so) {
  if (intel_rdt_available()) cr_skip_test("needs a host without resctrl");
  const std::string text = message_of([] { apply_intel_rdt({}, "id", getpid()); });
  cr_expect(has(text, "/linux/intelRdt: no mounted resctrl"), "%s", text.c_str());
  cr_expect(message_of([] { remove_intel_rdt({}); }) == "");
}
