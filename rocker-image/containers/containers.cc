#include "rocker-image/containers/containers.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>

#include "rocker-image/walk.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

namespace {

constexpr std::size_t id_length = 64;
constexpr std::size_t most_json = 1 << 20;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string random_id() {
  unsigned char bytes[id_length / 2];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw system_error("getrandom");
  std::string id;
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

// docker's grammar of a container's name.
void check_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = name.size() >= 2 && name.size() <= 200 && letter(name[0]) &&
                    std::all_of(name.begin(), name.end(),
                                [&](char c) { return letter(c) || c == '_' || c == '.' || c == '-'; });
  if (!good) {
    throw Error(cat("\"", printable(name), "\" is no name of a container"))
        .hint("two characters or more: letters, digits, '_', '.' and '-', the first a letter or digit");
  }
}

// FNV-1a: two stores on one machine must not share a folder below /run, and nothing depends on its being
// secret.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(hash >> shift) & 15];
  return out;
}

}  // namespace

std::string short_id(const std::string& id) {
  return id.substr(0, 12);
}

std::int64_t now_ns() {
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

Registry::Registry(std::string root) : root_(std::move(root)) {}

std::string Registry::directory(std::string_view id) const {
  return cat(root_, "/containers/", id);
}

std::string Registry::run_directory() const {
  // A store that is reached by two paths is one store.
  char resolved[PATH_MAX];
  const char* real = ::realpath(root_.c_str(), resolved);
  return cat("/run/rocker/", hash_of(real != nullptr ? std::string_view(real) : std::string_view(root_)));
}

void Registry::link_name(const std::string& name, const std::string& id) const {
  const std::string path = cat(root_, "/names/", name);
  for (;;) {
    if (::symlink(id.c_str(), path.c_str()) == 0) return;
    if (errno != EEXIST) throw system_error(cat("reserve the name ", name));
    char owner[id_length + 1] = {};
    const ssize_t size = ::readlink(path.c_str(), owner, id_length);
    if (size < 0 && errno == ENOENT) continue;
    if (size >= 0 && ::access(directory(owner).c_str(), F_OK) == 0) {
      throw Error(cat("the container name \"", name, "\" is already in use by container ", short_id(owner)))
          .hint(cat("remove it (rocker rm ", name, ") or choose another name"));
    }
    // Its folder was taken away by hand. The lock keeps two of us from freeing what the other has just
    // reserved.
    const FileLock lock = FileLock::wait(AT_FDCWD, cat(root_, "/names/.lock"), FileLock::Mode::exclusive);
    char again[id_length + 1] = {};
    if (::readlink(path.c_str(), again, id_length) >= 0 && std::string_view(again) == owner)
      ::unlink(path.c_str());
  }
}

void Registry::unlink_name(const Facts& facts) const {
  const std::string path = cat(root_, "/names/", facts.name);
  char owner[id_length + 1] = {};
  if (::readlink(path.c_str(), owner, id_length) > 0 && facts.id == owner) ::unlink(path.c_str());
}

FileLock Registry::reserve(Facts& facts) const {
  const bool any_name = facts.name.empty();
  if (any_name) {
    facts.name = random_name();
  } else {
    check_name(facts.name);
  }
  make_directories(cat(root_, "/containers"), 0711);
  make_directories(cat(root_, "/names"), 0755);
  facts.id = random_id();
  facts.incomplete = true;
  const std::string dir = directory(facts.id), hidden = directory(cat(".", facts.id));
  // Only root looks into a container's folder: set-user-ID programs of an image's are in it.
  if (::mkdir(hidden.c_str(), 0700) < 0) throw system_error(cat("mkdir ", hidden));
  Defer undo([&] { remove_tree(AT_FDCWD, ::access(hidden.c_str(), F_OK) == 0 ? hidden : dir); });
  // Who sees it, sees that it is locked and what is known of it.
  FileLock lock = FileLock::wait(AT_FDCWD, cat(hidden, "/lock"), FileLock::Mode::exclusive);
  replace_file(AT_FDCWD, cat(hidden, "/container.json"), write_facts(facts), 0600);
  if (::rename(hidden.c_str(), dir.c_str()) < 0) throw system_error(cat("rename ", hidden));
  for (int attempt = 0;; ++attempt) {
    try {
      link_name(facts.name, facts.id);
      break;
    } catch (const Error&) {
      if (!any_name || attempt > 20) throw;
      facts.name = random_name();
      if (attempt > 3) facts.name += cat("_", facts.id.substr(0, 4 + static_cast<std::size_t>(attempt)));
      save(facts);
    }
  }
  undo.dismiss();
  return lock;
}

bool Registry::is_wreck(const Facts& facts) const {
  if (!facts.incomplete || FileLock::is_held(AT_FDCWD, cat(directory(facts.id), "/lock"))) return false;
  try {
    return load(facts.id).incomplete;
  } catch (const Error&) {
    return false;  // removed meanwhile
  }
}

std::vector<std::string> Registry::ids() const {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(cat(root_, "/containers").c_str()), ::closedir);
  if (!dir) {
    if (errno == ENOENT) return found;
    throw system_error(cat("open ", root_, "/containers"));
  }
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name.size() == id_length && is_hex(name)) found.emplace_back(name);
  }
  return found;
}

std::string Registry::resolve(std::string_view text) const {
  if (text.size() == id_length && is_hex(text) && ::access(directory(text).c_str(), F_OK) == 0)
    return std::string(text);
  if (!text.empty() && text.find('/') == std::string_view::npos && text[0] != '.') {
    char owner[id_length + 1] = {};
    if (::readlink(cat(root_, "/names/", text).c_str(), owner, id_length) > 0 &&
        ::access(directory(owner).c_str(), F_OK) == 0) {
      return owner;
    }
  }
  std::string match;
  if (!text.empty() && is_hex(text)) {
    for (auto& id : ids()) {
      if (!id.starts_with(text)) continue;
      if (!match.empty()) {
        throw Error(cat("\"", text, "\" is the beginning of more than one container's ID"))
            .hint("give more digits, or the name");
      }
      match = std::move(id);
    }
  }
  if (match.empty()) {
    throw Error(cat("No such container: ", printable(text))).hint("'rocker ps -a' lists all containers");
  }
  return match;
}

Facts Registry::load(const std::string& id) const {
  const std::string path = cat(directory(id), "/container.json");
  const auto cure = [&] { return cat("'rocker rm -f ", short_id(id), "' removes what is left"); };
  auto text = read_file_if_exists(AT_FDCWD, path, most_json);
  if (!text) throw Error(cat(path, ": is missing")).hint(cure());
  try {
    return parse_facts(std::move(*text), path);
  } catch (const Error& error) {
    throw Error(error.what()).hint(cure());
  }
}

void Registry::save(const Facts& facts) const {
  replace_file(AT_FDCWD, cat(directory(facts.id), "/container.json"), write_facts(facts), 0600);
}

std::vector<Facts> Registry::list(const std::function<void(const Error&)>& broken, Unmade unmade) const {
  std::vector<Facts> all;
  for (const auto& id : ids()) {
    try {
      Facts facts = load(id);
      if (facts.incomplete && unmade == Unmade::left_out && !is_wreck(facts)) continue;
      all.push_back(std::move(facts));
    } catch (const Error& error) {
      // One that was removed meanwhile is none.
      if (::access(directory(id).c_str(), F_OK) == 0) broken(error);
    }
  }
  std::sort(all.begin(), all.end(), [](const Facts& a, const Facts& b) {
    return a.created_ns != b.created_ns ? a.created_ns > b.created_ns : a.id < b.id;
  });
  return all;
}

FileLock Registry::lock(const std::string& id) const {
  try {
    return FileLock::wait(AT_FDCWD, cat(directory(id), "/lock"), FileLock::Mode::exclusive);
  } catch (const Error& error) {
    if (error.errno_value() != ENOENT) throw;
    throw Error(cat("No such container: ", short_id(id), " was removed"));
  }
}

bool Registry::was_removed(const std::string& id) const {
  const std::string dir = directory(id);
  if (::access(cat(dir, "/container.json").c_str(), F_OK) == 0) return false;
  ::unlink(cat(dir, "/lock").c_str());
  ::rmdir(dir.c_str());
  return true;
}

void Registry::rename(Facts& facts, const std::string& name) const {
  check_name(name);
  link_name(name, facts.id);
  unlink_name(facts);
  facts.name = name;
  save(facts);
}

void Registry::forget(const Facts& facts) const {
  unlink_name(facts);
  // Out of sight at once: nobody who lists containers meets one that is half gone.
  const std::string gone = cat(root_, "/containers/.", facts.id);
  if (::rename(directory(facts.id).c_str(), gone.c_str()) < 0) {
    if (errno == ENOENT) return;
    throw system_error(cat("remove ", directory(facts.id)));
  }
  remove_tree(AT_FDCWD, gone);
}

void Registry::clear_debris() const {
  const std::string folder = directory("");
  if (::access(folder.c_str(), F_OK) != 0) return;
  for (const auto& name : names_in_folder(open_path(folder, O_RDONLY | O_DIRECTORY).get())) {
    // Whoever makes or removes one has its lock, but for the moment before there is one.
    const std::string dir = directory(name), lock = cat(dir, "/lock");
    if (name.size() != id_length + 1 || name[0] != '.' || ::access(lock.c_str(), F_OK) != 0 ||
        FileLock::is_held(AT_FDCWD, lock))
      continue;
    remove_tree(AT_FDCWD, dir);
  }
}

}  // namespace rocker::containers
