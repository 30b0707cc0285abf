// The containers of a store: their folders, names and locks.
//
//   ROOT/containers/ID/            a container: its bundle, upper layer, log, and container.json
//   ROOT/names/NAME                a symbolic link that holds the ID: making it is what reserves the name
//   /run/rocker/HASH/              the runtime's state for this ROOT, so that two stores never meet
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/containers/facts.hh"
#include "spec/support/error.hh"
#include "spec/support/lock.hh"

namespace rocker::containers {

class Registry {
 public:
  // root is absolute.
  explicit Registry(std::string root);

  const std::string& root() const { return root_; }
  std::string directory(std::string_view id) const;
  // Where the runtime keeps its state (rocker-runc --root).
  std::string run_directory() const;

  // A folder for a new container, its name reserved; fills in facts.id, and facts.name when it is empty. It
  // is incomplete, and the lock says that somebody works on that. Throws when the name is taken or no name.
  FileLock reserve(Facts& facts) const;
  // Incomplete, and nobody works on it any more.
  bool is_wreck(const Facts& facts) const;

  // The ID that a name, an ID, or an unambiguous beginning of one stands for; throws "No such container:
  // ...".
  std::string resolve(std::string_view text) const;

  Facts load(const std::string& id) const;
  void save(const Facts& facts) const;  // atomically

  // Every container, newest first. A broken one is given to `broken` and left out; so is one that is just
  // being made, unless it is asked for.
  enum class Unmade { left_out, too };
  std::vector<Facts> list(const std::function<void(const Error&)>& broken,
                          Unmade unmade = Unmade::left_out) const;

  // One at a time changes a container. Throws "No such container: ..." when it was removed.
  FileLock lock(const std::string& id) const;
  // To be asked with its lock, which makes the folder of a container anew that was removed before it was
  // ours: then that goes as well.
  bool was_removed(const std::string& id) const;

  void rename(Facts& facts, const std::string& name) const;

  // Frees the name and takes the folder away; the bundle in it is unmade already.
  void forget(const Facts& facts) const;

  // Takes away what killed commands have left that is no container: folders that were being made or removed.
  void clear_debris() const;

 private:
  std::vector<std::string> ids() const;
  void link_name(const std::string& name, const std::string& id) const;
  void unlink_name(const Facts& facts) const;

  std::string root_;
};

// As tables show an ID: its first 12 digits.
std::string short_id(const std::string& id);

// Nanoseconds since the epoch.
std::int64_t now_ns();

// A name that nobody has to think of, like "quiet_heron".
std::string random_name();

}  // namespace rocker::containers
