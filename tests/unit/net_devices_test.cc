// linux.netDevices (rocker-runc/net_devices.hh): each test has a network namespace of its own for the host,
// with a veth pair in it, and one for the container.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "rocker-runc/net_devices.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

constexpr int skipped = 77;

// What a shell command prints, in the current network namespace.
std::string shell(const std::string& command) {
  FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) return {};
  std::string text = read_all(fileno(output), command, 1 << 20);
  pclose(output);
  return text;
}

struct Namespaces {
  UniqueFd host, container;
  std::string inside(const std::string& command) const {
    setns(container.get(), CLONE_NEWNET);
    std::string text = shell(command);
    setns(host.get(), CLONE_NEWNET);
    return text;
  }
};

// Runs fn in the host's namespace, which has ve0 and ve1; fails with the message that fn returns.
void in_namespaces(const std::function<std::string(const Namespaces&)>& fn) {
  int ends[2];
  cr_assert(pipe(ends) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    std::string failure;
    try {
      Namespaces spaces;
      auto make = [] {
        if (unshare(CLONE_NEWNET) < 0) _exit(skipped);
        return open_path("/proc/self/ns/net", O_RDONLY);
      };
      spaces.container = make();
      spaces.host = make();
      if (system("ip link add ve0 type veth peer name ve1 2>/dev/null && ip link set ve1 up") != 0)
        _exit(skipped);
      failure = fn(spaces);
    } catch (const Error& error) {
      failure = error.what();
    }
    if (!failure.empty()) write_all(ends[1], failure, "pipe");
    _exit(failure.empty() ? 0 : 1);
  }
  close(ends[1]);
  const std::string failure = read_all(ends[0], "pipe", 1 << 20);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == skipped)
    cr_skip_test("needs network namespaces, veth and ip");
  cr_expect(status == 0, "%s", failure.c_str());
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string move_failure(const std::map<std::string, spec::NetDevice>& devices, const Namespaces& spaces) {
  try {
    move_net_devices(devices, spaces.container.get());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

Test(net_devices, a_device_is_moved_up_with_its_permanent_global_addresses) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    shell(
        "ip addr add 10.1.2.3/24 brd 10.1.2.255 dev ve0; ip addr add 10.9.9.9 peer 10.9.9.8 dev ve0;"
        "ip addr add fd00::7/64 dev ve0 nodad; ip addr add 169.254.3.3/16 scope link dev ve0;"
        "ip addr add 10.7.7.7/24 valid_lft 100 preferred_lft 100 dev ve0; ip link set ve0 up mtu 1400");
    const std::string mac = shell("cat /sys/class/net/ve0/address 2>/dev/null || true");
    move_net_devices({{"ve0", {}}}, spaces.container.get());
    if (!shell("ip -o link show ve0 2>/dev/null").empty()) return "ve0 is still on the host";
    const std::string link = spaces.inside("ip -o link show ve0"),
                      addresses = spaces.inside("ip -o addr show ve0");
    if (!has(link, "UP") || !has(link, "mtu 1400")) return link;
    for (const char* part : {"10.1.2.3/24 brd 10.1.2.255", "10.9.9.9 peer 10.9.9.8/32", "fd00::7/64"}) {
      if (!has(addresses, part)) return cat(part, " is missing in ", addresses);
    }
    if (has(addresses, "169.254.3.3") || has(addresses, "10.7.7.7")) return cat("too many: ", addresses);
    return "";
  });
}

Test(net_devices, a_device_is_renamed) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    shell("ip addr add 10.1.2.3/24 label ve0:x dev ve0");
    move_net_devices({{"ve0", {"eth0"}}}, spaces.container.get());
    const std::string all = spaces.inside("ip -o addr");
    return has(all, "eth0") && has(all, "10.1.2.3/24") && !has(all, "ve0") ? "" : all;
  });
}

Test(net_devices, a_template_takes_the_next_free_name) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    // And an index that is taken inside.
    const unsigned index = if_nametoindex("ve0");
    spaces.inside(cat("ip link add eth0 index ", index, " type veth peer name other"));
    shell("ip addr add 10.1.2.3/24 dev ve0");
    move_net_devices({{"ve0", {"eth%d"}}}, spaces.container.get());
    const std::string all = spaces.inside("ip -o link; ip -o addr");
    return has(all, "eth1") && has(spaces.inside("ip -o addr show eth1"), "10.1.2.3/24") &&
                   has(spaces.inside("ip -o link show eth1"), "UP")
               ? ""
               : all;
  });
}

Test(net_devices, a_name_that_is_taken_is_an_error_and_nothing_is_moved) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    spaces.inside("ip link add eth0 type veth peer name other");
    const std::string failure = move_failure({{"ve0", {"eth0"}}}, spaces);
    if (!has(failure, "/linux/netDevices/ve0") || !has(failure, "\"eth0\" exists in the container already"))
      return failure;
    return shell("ip -o link show ve0").empty() ? "ve0 is gone" : "";
  });
}

Test(net_devices, what_was_moved_before_a_failure_is_moved_back) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    shell("ip addr add 10.1.2.3/24 dev ve0; ip link set ve0 up");
    const std::string failure = move_failure({{"ve0", {"eth7"}}, {"ve1", {"eth8"}}, {"zzz", {}}}, spaces);
    if (!has(failure, "/linux/netDevices/zzz") || !has(failure, "no such network device")) return failure;
    const std::string host = shell("ip -o link; ip -o addr"), inside = spaces.inside("ip -o link");
    if (has(inside, "eth")) return cat("inside: ", inside);
    return has(host, "ve0@ve1") && has(host, "10.1.2.3/24") && has(host, "ve1@ve0")
               ? ""
               : cat("on the host: ", host);
  });
}

Test(net_devices, names_are_checked_before_anything_is_moved) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    for (const char* name : {"", "a/b", "..", "a b", "a-name-of-16-ch", "%d%d", "a%s", "a%d9", "a:b"}) {
      if (std::string(name) == "") continue;
      const std::string failure = move_failure({{"ve0", {name}}}, spaces);
      const bool valid = std::string_view(name) == "a-name-of-16-ch";  // 15
      if (valid != failure.empty()) return cat(name, ": ", failure);
      if (valid) {
        setns(spaces.container.get(), CLONE_NEWNET);
        move_net_devices({{name, {"ve0"}}}, spaces.host.get());
        setns(spaces.host.get(), CLONE_NEWNET);
      }
    }
    if (!has(move_failure({{"lo", {}}}, spaces), "loopback")) return "lo";
    return shell("ip -o link show ve0").empty() ? "ve0 is gone" : "";
  });
}

Test(net_devices, our_own_namespace_is_left_alone) {
  in_namespaces([](const Namespaces& spaces) -> std::string {
    char before[64]{}, after[64]{};
    cr_assert(readlink("/proc/thread-self/ns/net", before, 63) > 0);
    move_net_devices({{"ve0", {}}}, spaces.container.get());
    move_failure({{"nope", {}}}, spaces);
    cr_assert(readlink("/proc/thread-self/ns/net", after, 63) > 0);
    return std::string(before) == after ? "" : "another namespace";
  });
}

Test(net_devices, loopback_is_set_up) {
  in_namespaces([](const Namespaces&) -> std::string {
    if (has(shell("ip -o link show lo"), "UP")) return "it was up";
    set_loopback_up();
    const std::string after = shell("ip -o addr show lo; ip -o link show lo");
    return has(after, "UP") && has(after, "127.0.0.1/8") ? "" : after;
  });
}
