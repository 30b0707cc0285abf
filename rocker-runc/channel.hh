// The channel between a command and the init that it cloned: a SOCK_SEQPACKET pair, one message a packet. An
// error inside the clone travels through it whole and is printed once, by the parent, as the user's own
// command failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "spec/support/error.hh"
#include "spec/support/fd.hh"

namespace rocker {

enum class Message : std::uint32_t {
  error,             // init -> parent: an Error; init ends after it
  userns_made,       // stage -> parent: write the id maps
  init_pid,          // stage -> parent: number is init's pid
  go,                // parent -> init: cgroup joined, id maps written
  mounts_ready,      // init -> parent: run the runtime's hooks; the container's own follow
  hooks_done,        // parent -> init; init -> whoever started it: the startContainer hooks
  created,           // init -> parent: all is ready for start
  start,             // parent or `start` -> init
  seccomp_listener,  // init -> whoever started it: number is the descriptor in init
  listener_sent,     // the answer
  recorded,          // parent -> an init that is to wait for `start`: its pid is in state.json
  let_go,            // exec's process -> parent: it holds nothing of the parent's any more
};

class Channel {
 public:
  struct Packet {
    Message message{};
    std::int64_t number = 0;
    std::string text;
  };

  Channel() = default;
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}
  // Two ends, both close-on-exec.
  static void make(Channel& one, Channel& other);

  void send(Message message, std::int64_t number = 0, std::string_view text = {}) const;
  void send_error(const Error& error) const;

  // The next packet; nothing when the other end is closed. An error packet is thrown as the Error that it
  // carries.
  std::optional<Packet> receive() const;
  // The next packet must be this one; `what` is said when the other end is closed instead.
  Packet expect(Message message, std::string_view what) const;

  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
};

}  // namespace rocker
