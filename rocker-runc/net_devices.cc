#include "rocker-runc/net_devices.hh"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "rocker-runc/net_link.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// One address as the kernel told it.
struct Address {
  ifaddrmsg head{};
  std::vector<std::pair<std::uint16_t, std::string>> attributes;
};

struct Link {
  int index = 0;
  unsigned flags = 0;
};

// A device on its way.
struct Moved {
  std::string name;  // on the host
  unsigned flags = 0;
  std::vector<Address> addresses;
  int index = 0;  // in the container
};

std::optional<Link> find_link(net::Socket& socket, const std::string& name) {
  net::Message message(RTM_GETLINK, 0);
  message.fixed<ifinfomsg>()->ifi_family = AF_UNSPEC;
  message.attribute(IFLA_IFNAME, name);
  std::optional<Link> link;
  const int result = socket.request(message, [&](const nlmsghdr& answer) {
    const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(&answer));
    link = Link{info->ifi_index, info->ifi_flags};
  });
  if (result < 0 && result != -ENODEV)
    throw system_error(cat("looking for the network device ", name), -result);
  return link;
}

std::set<int> all_links(net::Socket& socket) {
  net::Message message(RTM_GETLINK, NLM_F_DUMP);
  message.fixed<ifinfomsg>()->ifi_family = AF_UNSPEC;
  std::set<int> links;
  const int result = socket.request(message, [&](const nlmsghdr& answer) {
    links.insert(static_cast<const ifinfomsg*>(NLMSG_DATA(&answer))->ifi_index);
  });
  if (result < 0) throw system_error("listing the network devices", -result);
  return links;
}

// The permanent ones of global scope, of any family.
std::vector<Address> addresses_of(net::Socket& socket, int index) {
  net::Message message(RTM_GETADDR, NLM_F_DUMP);
  message.fixed<ifaddrmsg>()->ifa_family = AF_UNSPEC;
  std::vector<Address> found;
  const int result = socket.request(message, [&](const nlmsghdr& answer) {
    if (answer.nlmsg_type != RTM_NEWADDR) return;
    Address address;
    address.head = *static_cast<const ifaddrmsg*>(NLMSG_DATA(&answer));
    if (static_cast<int>(address.head.ifa_index) != index || address.head.ifa_scope != RT_SCOPE_UNIVERSE)
      return;
    std::uint32_t flags = address.head.ifa_flags;
    net::each_attribute(answer, sizeof(ifaddrmsg), [&](const rtattr& attribute) {
      const char* data = static_cast<const char*>(RTA_DATA(&attribute));
      const std::size_t size = RTA_PAYLOAD(&attribute);
      switch (attribute.rta_type) {
        case IFA_FLAGS:
          if (size == sizeof flags) std::memcpy(&flags, data, sizeof flags);
          break;
        case IFA_ADDRESS:
        case IFA_LOCAL:
        case IFA_BROADCAST:
        case IFA_RT_PRIORITY:
        case IFA_PROTO: address.attributes.emplace_back(attribute.rta_type, std::string(data, size)); break;
        default:  // the label begins with the old name, the cache info is of the past
          break;
      }
    });
    if (!(flags & IFA_F_PERMANENT)) return;
    // What the owner chose, not what the kernel found out on the old link.
    flags &= IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_NOPREFIXROUTE | IFA_F_MANAGETEMPADDR | IFA_F_MCAUTOJOIN;
    address.head.ifa_flags = static_cast<std::uint8_t>(flags);
    address.attributes.emplace_back(IFA_FLAGS,
                                    std::string(reinterpret_cast<const char*>(&flags), sizeof flags));
    found.push_back(std::move(address));
  });
  if (result < 0) throw system_error("listing the addresses", -result);
  return found;
}

void add_address(net::Socket& socket, const Address& address, int index) {
  net::Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  auto* head = message.fixed<ifaddrmsg>();
  *head = address.head;
  head->ifa_index = static_cast<unsigned>(index);
  for (const auto& [type, data] : address.attributes) message.attribute(type, data.data(), data.size());
  const int result = socket.request(message);
  if (result < 0 && result != -EEXIST)
    throw system_error("giving the network device its address again", -result);
}

int set_up(net::Socket& socket, int index) {
  net::Message message(RTM_NEWLINK, 0);
  auto* info = message.fixed<ifinfomsg>();
  info->ifi_family = AF_UNSPEC;
  info->ifi_index = index;
  info->ifi_flags = info->ifi_change = IFF_UP;
  return socket.request(message);
}

// To another namespace, under a name; the kernel sets the device down and takes its addresses off.
int move_link(net::Socket& socket, int index, int target_netns, const std::string& name) {
  net::Message message(RTM_NEWLINK, 0);
  auto* info = message.fixed<ifinfomsg>();
  info->ifi_family = AF_UNSPEC;
  info->ifi_index = index;
  message.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(target_netns));
  message.attribute(IFLA_IFNAME, name);
  return socket.request(message);
}

// dev_valid_name() of the kernel, and one %d as a template.
void check_name(const std::string& name, const std::string& member) {
  bool valid = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != "..";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    valid = valid && byte > 0x20 && byte != 0x7f && c != '/' && c != ':';
  }
  const std::size_t percent = name.find('%');
  if (percent != std::string::npos) valid = valid && name.substr(percent) == "%d";
  if (!valid) {
    throw Error(cat(member, ": \"", printable(name), "\" can't be the name of a network device"))
        .hint("1 to 15 characters without blanks, \"/\" and \":\", with \"%d\" at its end for a template");
  }
}

// A netlink socket of the other namespace: the thread is in there for the time of one socket(2).
net::Socket socket_in(int netns, int own_netns) {
  if (::setns(netns, CLONE_NEWNET) < 0) throw system_error("entering the network namespace of the container");
  std::optional<net::Socket> socket;
  std::optional<Error> failure;
  try {
    socket.emplace();
  } catch (Error& error) {
    failure = error;
  }
  if (::setns(own_netns, CLONE_NEWNET) < 0)
    throw system_error("leaving the network namespace of the container");
  if (failure) throw *failure;
  return std::move(*socket);
}

void move_one(net::Socket& host, net::Socket& inside, int netns, const std::string& name,
              const std::string& target, Moved& device, const std::set<int>& others) {
  const std::optional<Link> link = find_link(host, name);
  if (!link) throw Error("there is no such network device in the network namespace of rocker-runc", ENODEV);
  if (link->flags & IFF_LOOPBACK) throw Error("the loopback device can't be moved", EINVAL);
  const bool is_template = target.find('%') != std::string::npos;
  // Asked first: the kernel would move it, and then fail to rename it.
  if (!is_template && find_link(inside, target)) {
    throw Error(cat("a network device \"", target, "\" exists in the container already"), EEXIST)
        .hint(cat("give another name, or a template: \"", target.substr(0, 13), "%d\""));
  }
  device.name = name;
  device.flags = link->flags;
  device.addresses = addresses_of(host, link->index);

  const std::set<int> before = all_links(inside);
  const int result = move_link(host, link->index, netns, target);
  if (result < 0) {
    Error error = system_error("moving it to the network namespace of the container", -result);
    if (result == -EINVAL) error.hint("devices of this kind are bound to their network namespace");
    throw error;
  }
  // The kernel keeps the index unless it is taken there.
  if (!before.contains(link->index)) {
    device.index = link->index;
  } else {
    for (const int index : all_links(inside)) {
      if (!before.contains(index) && !others.contains(index)) device.index = index;
    }
  }
  for (const Address& address : device.addresses) add_address(inside, address, device.index);
  const int up = set_up(inside, device.index);
  if (up < 0) throw system_error("setting it up", -up);
}

// As well as it can be: this is on the way out with another error.
void move_back(net::Socket& host, net::Socket& inside, int own_netns, const Moved& device) noexcept {
  try {
    const int result = move_link(inside, device.index, own_netns, device.name);
    if (result < 0) throw system_error("moving it back", -result);
    const std::optional<Link> link = find_link(host, device.name);
    if (!link) throw Error("it is gone");
    for (const Address& address : device.addresses) add_address(host, address, link->index);
    if (device.flags & IFF_UP) set_up(host, link->index);
  } catch (const std::exception& error) {
    log::warn(cat("/linux/netDevices/", device.name, ": ", error.what()));
  }
}

}  // namespace

void move_net_devices(const std::map<std::string, spec::NetDevice>& devices, int netns_fd) {
  if (devices.empty()) return;
  for (const auto& [name, device] : devices) {
    check_name(name, "/linux/netDevices");
    if (name.find('%') != std::string::npos)
      throw Error(cat("/linux/netDevices: \"", name, "\" is no device's name"));
    if (!device.name.empty()) check_name(device.name, cat("/linux/netDevices/", name, "/name"));
  }
  const UniqueFd own_netns = open_path("/proc/thread-self/ns/net", O_RDONLY);
  net::Socket host;
  net::Socket inside = socket_in(netns_fd, own_netns.get());

  std::vector<Moved> moved;
  std::set<int> indexes;
  for (const auto& [name, device] : devices) {
    moved.emplace_back();
    try {
      with_context([&] { return cat("/linux/netDevices/", name); },
                   [&] {
                     move_one(host, inside, netns_fd, name, device.name.empty() ? name : device.name,
                              moved.back(), indexes);
                   });
      indexes.insert(moved.back().index);
    } catch (...) {
      std::reverse(moved.begin(), moved.end());
      for (const Moved& entry : moved) {
        if (entry.index != 0) move_back(host, inside, own_netns.get(), entry);
      }
      throw;
    }
  }
}

void set_loopback_up() {
  // Any socket will do for the ioctl; this one is made the fastest and needs no IPv4 in the kernel.
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("setting the loopback device up: socket");
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) < 0) throw system_error("setting the loopback device up");
}

}  // namespace rocker
