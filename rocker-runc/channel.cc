#include "rocker-runc/channel.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "spec/support/str.hh"

namespace rocker {

namespace {

// Longer texts are cut: a packet must fit the socket's buffer whatever the host's sysctls are.
constexpr std::size_t longest_text = 32768;

struct Header {
  Message message;
  std::uint32_t hint_length;  // of an error: the text is message, then hint
  std::int64_t number;        // of an error: errno
  std::int32_t exit_status;
  std::uint32_t reserved;
};

void send_packet(int fd, Header header, std::string_view text) {
  header.reserved = 0;
  std::string packet(reinterpret_cast<const char*>(&header), sizeof header);
  packet += text;
  // write and not sendmsg or writev: in a container's init this may run under the container's own seccomp
  // filter, which every program that writes anything passes. SIGPIPE is ignored by whoever owns a channel.
  while (::write(fd, packet.data(), packet.size()) < 0) {
    if (errno != EINTR) throw system_error("write to the runtime's channel");
  }
}

}  // namespace

void Channel::make(Channel& one, Channel& other) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) throw system_error("socketpair");
  one.fd_.reset(fds[0]);
  other.fd_.reset(fds[1]);
}

void Channel::send(Message message, std::int64_t number, std::string_view text) const {
  send_packet(fd_.get(), {message, 0, number, 0, 0}, text.substr(0, longest_text));
}

void Channel::send_error(const Error& error) const {
  const std::string message = error.message().substr(0, longest_text);
  const std::string hint = error.hint().substr(0, longest_text);
  send_packet(
      fd_.get(),
      {Message::error, static_cast<std::uint32_t>(hint.size()), error.errno_value(), error.exit_status(), 0},
      message + hint);
}

std::optional<Channel::Packet> Channel::receive() const {
  // Not cleared: the packets are small, and every page that is touched costs a start its time.
  constexpr std::size_t size = sizeof(Header) + 2 * longest_text;
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  ssize_t got = 0;
  while ((got = ::read(fd_.get(), buffer.get(), size)) < 0) {
    if (errno == ECONNRESET) return std::nullopt;
    if (errno != EINTR) throw system_error("read from the runtime's channel");
  }
  Header header{};
  if (got < static_cast<ssize_t>(sizeof header)) return std::nullopt;
  std::memcpy(&header, buffer.get(), sizeof header);
  std::string text(buffer.get() + sizeof header, static_cast<std::size_t>(got) - sizeof header);
  if (header.message != Message::error) return Packet{header.message, header.number, std::move(text)};
  const std::size_t hint = text.size() - std::min<std::size_t>(header.hint_length, text.size());
  Error error(text.substr(0, hint), static_cast<int>(header.number));
  if (hint < text.size()) error.hint(text.substr(hint));
  error.exit_status(header.exit_status);
  throw error;
}

Channel::Packet Channel::expect(Message message, std::string_view what) const {
  auto packet = receive();
  if (!packet) throw Error(std::string(what));
  if (packet->message != message) {
    throw Error(
        cat("the runtime's channel: unexpected message ", static_cast<std::uint32_t>(packet->message)));
  }
  return std::move(*packet);
}

}  // namespace rocker
