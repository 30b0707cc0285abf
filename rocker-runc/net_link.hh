// rtnetlink(7), as much of it as net_devices.cc needs.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/support/fd.hh"

namespace rocker::net {

// A message to build up: a header, the fixed part of its type, attributes.
class Message {
 public:
  Message(std::uint16_t type, std::uint16_t flags);
  // The fixed part.
  template <typename T>
  T* fixed() {
    return reinterpret_cast<T*>(reserve(sizeof(T)));
  }
  void attribute(std::uint16_t type, const void* data, std::size_t size);
  void attribute(std::uint16_t type, std::string_view text);  // with a NUL behind it
  void attribute(std::uint16_t type, std::uint32_t number);

 private:
  friend class Socket;
  char* reserve(std::size_t size);
  alignas(nlmsghdr) char bytes_[1024]{};
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_); }
};

// A NETLINK_ROUTE socket of the network namespace that it was made in, whichever is the current one later.
class Socket {
 public:
  Socket();

  // Sends and waits for the answer: 0, or -errno of the kernel.
  int request(Message& message);
  // The same, with every message of the answer.
  int request(Message& message, const std::function<void(const nlmsghdr&)>& each);

 private:
  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
};

// The attributes behind the fixed part of a message, called for each.
void each_attribute(const nlmsghdr& message, std::size_t fixed_size,
                    const std::function<void(const rtattr& attribute)>& fn);

}  // namespace rocker::net
