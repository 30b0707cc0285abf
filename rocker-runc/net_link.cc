#include "rocker-runc/net_link.hh"

#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "spec/support/error.hh"

namespace rocker::net {

Message::Message(std::uint16_t type, std::uint16_t flags) {
  header()->nlmsg_len = NLMSG_HDRLEN;
  header()->nlmsg_type = type;
  header()->nlmsg_flags = flags;
}

char* Message::reserve(std::size_t size) {
  const std::size_t at = NLMSG_ALIGN(header()->nlmsg_len);
  if (at + size > sizeof bytes_) throw Error("a netlink message is too long");
  header()->nlmsg_len = static_cast<std::uint32_t>(at + size);
  return bytes_ + at;
}

void Message::attribute(std::uint16_t type, const void* data, std::size_t size) {
  auto* attribute = reinterpret_cast<rtattr*>(reserve(RTA_LENGTH(size)));
  attribute->rta_type = type;
  attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  std::memcpy(RTA_DATA(attribute), data, size);
}

void Message::attribute(std::uint16_t type, std::string_view text) {
  const std::string terminated(text);
  attribute(type, terminated.c_str(), terminated.size() + 1);
}

void Message::attribute(std::uint16_t type, std::uint32_t number) {
  attribute(type, &number, sizeof number);
}

Socket::Socket() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
  if (!fd_) throw system_error("opening a netlink socket");
}

int Socket::request(Message& message) {
  return request(message, [](const nlmsghdr&) {});
}

int Socket::request(Message& message, const std::function<void(const nlmsghdr&)>& each) {
  nlmsghdr* header = message.header();
  header->nlmsg_seq = ++sequence_;
  // Both bits: in a request to make something one of them is NLM_F_EXCL.
  const bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  header->nlmsg_flags |= NLM_F_REQUEST;
  if (!dump) header->nlmsg_flags |= NLM_F_ACK;
  if (::send(fd_.get(), header, header->nlmsg_len, 0) < 0) throw system_error("sending to netlink");

  // As much as the kernel fills with a dump at most. Not cleared: what is not written costs no page.
  constexpr std::size_t size = 65536;
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  for (;;) {
    // From the kernel alone: any process may send to a netlink port.
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got =
        ::recvfrom(fd_.get(), buffer.get(), size, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("reading from netlink");
    if (from.nl_pid != 0) continue;
    auto left = static_cast<unsigned>(got);
    for (auto* answer = reinterpret_cast<nlmsghdr*>(buffer.get()); NLMSG_OK(answer, left);
         answer = NLMSG_NEXT(answer, left)) {
      if (answer->nlmsg_seq != sequence_) continue;
      if (answer->nlmsg_type == NLMSG_ERROR) return static_cast<const nlmsgerr*>(NLMSG_DATA(answer))->error;
      if (answer->nlmsg_type == NLMSG_DONE) return 0;
      each(*answer);
    }
  }
}

void each_attribute(const nlmsghdr& message, std::size_t fixed_size,
                    const std::function<void(const rtattr& attribute)>& fn) {
  const auto* bytes = reinterpret_cast<const char*>(&message);
  std::size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(fixed_size);
  while (at + sizeof(rtattr) <= message.nlmsg_len) {
    const auto* attribute = reinterpret_cast<const rtattr*>(bytes + at);
    if (attribute->rta_len < sizeof(rtattr) || at + attribute->rta_len > message.nlmsg_len) return;
    fn(*attribute);
    at += RTA_ALIGN(attribute->rta_len);
  }
}

}  // namespace rocker::net
