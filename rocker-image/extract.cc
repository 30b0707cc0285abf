#include "rocker-image/extract.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "rocker-image/walk.hh"
#include "rocker-image/xattr_digest.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker {

namespace {

// As many as an import of a folder follows, the root's among them.
constexpr unsigned most_levels = 512;
// What waits for the end is in memory. A hundred thousand directories with SELinux labels have 5 MiB.
constexpr std::size_t most_waiting_xattrs = std::size_t{64} << 20;
constexpr int most_links = 40;  // as the kernel allows on one path

std::size_t size_of_xattrs(const Attributes& attributes) {
  std::size_t size = 0;
  for (const auto& [name, value] : attributes.xattrs) size += name.size() + value.size();
  return size;
}

}  // namespace

Extractor::Extractor(int root_fd, const Ownership& ownership, ExtractOptions options, ContentWriter& content,
                     const Cancel& cancel)
    : root_(root_fd),
      ownership_(ownership),
      options_(std::move(options)),
      content_(content),
      cancel_(cancel),
      patterns_(patterns_of(options_.exclude)) {}

void Extractor::extract(EntrySource& source, bool layer) {
  Entry entry;
  while (source.next(entry)) {
    cancel_.throw_if_set();
    try {
      add(entry, source, layer);
    } catch (Error& error) {
      // The writer is behind, and says which one it was at.
      content_.check();
      error.context(cat("entry \"", printable(entry.path), "\""));
      throw;
    }
  }
  link_pending();
  open_.clear();
  placed_.clear();
  lowest_ = false;
}

// ---------------------------------------------------------------------------------------------- places

const Extractor::Directory& Extractor::parent_of(const Path& path) {
  return directory_at(path, path.size() - 1);
}

// That of the first `count` components.
const Extractor::Directory& Extractor::directory_at(const Path& path, std::size_t count) {
  const std::string key = join_path(path, count);
  if (const auto found = open_.find(key); found != open_.end()) return found->second;
  // A directory that this layer only names on the way to a file is its own as well.
  if (!lowest_ && count > 0) note_placed(directory_at(path, count - 1), path[count - 1]);
  if (open_.size() >= most_open_) open_.clear();
  return open_.emplace(key, make_parents(key)).first->second;
}

// mkdir -p inside the root, and through links whose targets are not there yet: a layer may write lib/x while
// lib leads to a usr/lib that comes later.
Extractor::Directory Extractor::make_parents(const std::string& path) {
  UniqueFd whole = try_open_in_root(root_, path, O_PATH | O_DIRECTORY);
  if (!whole && errno != ENOENT) throw system_error(cat("open ", printable(path)));
  if (whole) {
    const auto inode = inode_of(whole.get());
    return {std::move(whole), inode};
  }

  std::vector<std::string> todo;  // from the last to the first
  const auto put_off = [&](std::string_view text) {
    const auto parts = split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty() && *part != ".") todo.emplace_back(*part);
    }
  };
  put_off(path);
  std::string done = ".";
  UniqueFd here = open_in_root(root_, done, O_PATH | O_DIRECTORY);
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    const std::string next_path = cat(done, "/", part);
    UniqueFd next = try_open_in_root(root_, next_path, O_PATH | O_DIRECTORY);
    if (!next && errno != ENOENT) throw system_error(cat("open ", printable(next_path.substr(2))));
    if (!next) {
      if (::mkdirat(here.get(), part.c_str(), 0755) == 0) {
        const Depth depth = depth_in(inode_of(here.get()), part);
        next = open_at(here.get(), part, O_PATH | O_DIRECTORY | O_NOFOLLOW);
        Attributes plain;
        plain.mode = 0755;
        plain.uid = ownership_.own_uid;
        plain.gid = ownership_.own_gid;
        note_directory(inode_of(next.get()), plain, depth);
      } else if (errno == EEXIST) {
        // A link that leads nowhere yet.
        if (++links > most_links) throw system_error(cat("open ", printable(next_path.substr(2))), ELOOP);
        const std::string target = read_link_at(here.get(), part);
        put_off(target);
        if (target.starts_with('/')) {
          done.assign(1, '.');
          here = open_in_root(root_, done, O_PATH | O_DIRECTORY);
        }
        continue;
      } else {
        throw system_error(cat("mkdir ", printable(next_path.substr(2))));
      }
    }
    here = std::move(next);
    done = next_path;
  }
  const auto inode = inode_of(here.get());
  return {std::move(here), inode};
}

void Extractor::refuse_other_kind(const Directory& parent, const std::string& name, bool directory) {
  struct statx st {};
  if (::statx(parent.fd.get(), name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0)
    throw system_error("stat");
  if (S_ISDIR(st.stx_mode) != directory) {
    // docker's words, which scripts look for.
    throw Error(directory ? "cannot overwrite non-directory with directory"
                          : "cannot overwrite directory with non-directory",
                directory ? ENOTDIR : EISDIR)
        .hint("remove what is there first");
  }
  if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
    throw system_error("cannot overwrite what is mounted", EBUSY);
}

// Makes way: the last entry of a name counts.
void Extractor::clear_name(const Directory& parent, const std::string& name, bool keep_directory) {
  struct stat st {};
  if (::fstatat(parent.fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return;
    throw system_error("stat");
  }
  if (keep_directory && S_ISDIR(st.st_mode)) return;
  if (options_.keep_kinds) refuse_other_kind(parent, name, keep_directory);
  if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)) {
    // What was looked up through it leads elsewhere from now on, `parent` perhaps as well: whoever is at work
    // in there keeps it, and nobody finds it by that path again.
    const UniqueFd dir = open_at(parent.fd.get(), ".", O_RDONLY | O_DIRECTORY);
    remove_tree(dir.get(), name);
    const auto is_parent = [&](const auto& one) { return &one.second == &parent; };
    if (std::any_of(open_.begin(), open_.end(), is_parent)) {
      in_use_.swap(open_);
      std::erase_if(in_use_, [&](const auto& one) { return !is_parent(one); });
    }
    open_.clear();
  } else if (::unlinkat(parent.fd.get(), name.c_str(), 0) < 0) {
    throw system_error("remove what was there");
  }
}

// What can be reached by a chain of links only, however deep, makes work for all that comes after, out of
// nothing: the paths of a manifest, for one.
Extractor::Depth Extractor::depth_in(std::uint64_t parent, std::string_view name) const {
  Depth depth;
  if (const auto above = directories_.find(parent); above != directories_.end()) depth = above->second.depth;
  ++depth.levels;
  depth.path_length += name.size() + (depth.path_length != 0 ? 1 : 0);
  if (depth.levels >= most_levels)
    throw Error(cat("directories are nested deeper than ", most_levels, " levels"));
  if (depth.path_length >= PATH_MAX)
    throw Error(cat("its path in the root has more than ", PATH_MAX - 1, " bytes"));
  return depth;
}

void Extractor::note_directory(std::uint64_t inode, const Attributes& attributes, const Depth& depth) {
  auto& record = directories_[inode];
  waiting_xattrs_ += size_of_xattrs(attributes) - size_of_xattrs(record.attributes);
  record.attributes = attributes;
  record.depth = depth;
  if (waiting_xattrs_ > most_waiting_xattrs) {
    throw Error(cat("the directories up to here have more than ", format_size(most_waiting_xattrs),
                    " of extended attributes"));
  }
}

std::uint64_t Extractor::inode_of(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) < 0) throw system_error("stat");
  return st.st_ino;
}

std::uint64_t Extractor::place(std::uint64_t directory, const std::string& name) {
  return sip_hash_13(cat(directory, "/", name));
}

void Extractor::note_placed(const Directory& parent, const std::string& name) {
  if (!lowest_) placed_.insert(place(parent.inode, name));
}

// ---------------------------------------------------------------------------------------------- entries

void Extractor::add(const Entry& entry, EntrySource& source, bool layer) {
  using Type = Entry::Type;
  if (++entries_ > options_.max_entries) {
    throw Error(cat("there are more than ", options_.max_entries, " entries"))
        .hint("--max-entries allows more");
  }
  if (entry.type == Type::file && __builtin_add_overflow(size_, entry.size, &size_)) size_ = UINT64_MAX;
  if (size_ > options_.max_size) {
    throw Error(cat("the files have more than ", format_size(options_.max_size), " in all"))
        .hint("--max-size allows more");
  }
  Path full = safe_components(entry.path);
  if (options_.whole_if && !full.empty()) {
    // The first name decides.
    whole_ = options_.whole_if(full.front());
    options_.whole_if = nullptr;
    if (whole_) {
      patterns_.clear();
      options_.strip_components = 0;
    }
  }
  if (!patterns_.empty() && left_out(join_path(full, full.size()))) {
    if (!full.empty()) ++tally_.excluded;
    return;
  }
  const bool is_root = full.empty();
  const auto path = options_.strip_components == 0 ? std::move(full) : stripped(entry.path);
  if (!path) {
    if (!is_root) ++tally_.stripped;
    return;
  }
  if (top_ == 0 && !path->empty()) note_top(entry.path);
  tally_.acls_lost += entry.lost_acls;
  if (path->empty()) {
    // The root itself.
    if (entry.type != Type::directory) {
      if (options_.strip_components != 0) {
        ++tally_.stripped;
        return;
      }
      throw Error("is the root, and no directory");
    }
    note_directory(inode_of(root_), entry.attributes, {});
    return;
  }
  if (layer && whiteout(*path)) return;

  const Directory& parent = parent_of(*path);
  const std::string& name = path->back();
  if (entry.type != Type::hardlink) supersede_pending(parent, *path, entry.type == Type::directory);
  switch (entry.type) {
    case Type::directory: add_directory(parent, name, entry); break;
    case Type::file: add_file(parent, name, entry, source); break;
    case Type::symlink: add_symlink(parent, name, entry); break;
    case Type::hardlink: add_hardlink(*path, entry, source); break;
    default: add_node(parent, name, entry);
  }
  if (entry.type != Type::directory) note_xattrs(with_xattrs_, parent.fd.get(), name, entry.attributes);
}

void Extractor::add_directory(const Directory& parent, const std::string& name, const Entry& entry) {
  // Sane until the end, whatever the archive wants: what is in it has to be made by somebody.
  if (::mkdirat(parent.fd.get(), name.c_str(), 0755) < 0) {
    if (errno != EEXIST) throw system_error("mkdir");
    clear_name(parent, name, true);
    if (::mkdirat(parent.fd.get(), name.c_str(), 0755) < 0 && errno != EEXIST) throw system_error("mkdir");
  }
  struct stat st {};
  if (::fstatat(parent.fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) throw system_error("stat");
  note_directory(st.st_ino, entry.attributes, depth_in(parent.inode, name));
  note_placed(parent, name);
}

void Extractor::add_file(const Directory& parent, const std::string& name, const Entry& entry,
                         EntrySource& source) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const mode_t mode = entry.attributes.mode & 0777;
  UniqueFd fd(::openat(parent.fd.get(), name.c_str(), flags, mode));
  if (!fd && errno == EEXIST) {
    clear_name(parent, name, false);
    fd.reset(::openat(parent.fd.get(), name.c_str(), flags, mode));
  }
  if (!fd) throw system_error("create");
  note_placed(parent, name);
  copy_content(content_.begin(std::move(fd), entry.path, entry.attributes, entry.size), source);
}

void Extractor::copy_content(ContentWriter::File& file, EntrySource& source) {
  Chunk chunk;
  while (source.data(chunk)) content_.write(file, chunk);
  content_.end(file);
}

void Extractor::add_symlink(const Directory& parent, const std::string& name, const Entry& entry) {
  if (::symlinkat(entry.target.c_str(), parent.fd.get(), name.c_str()) < 0) {
    if (errno != EEXIST) throw system_error("make the symbolic link");
    clear_name(parent, name, false);
    if (::symlinkat(entry.target.c_str(), parent.fd.get(), name.c_str()) < 0) {
      throw system_error("make the symbolic link");
    }
  }
  apply_attributes_at(parent.fd.get(), name, true, entry.attributes, ownership_, tally_);
  note_placed(parent, name);
}

void Extractor::add_node(const Directory& parent, const std::string& name, const Entry& entry) {
  using Type = Entry::Type;
  const bool device = entry.type == Type::character || entry.type == Type::block;
  // Overlayfs takes a character device 0:0 for a whiteout: the file would hide another one, or itself.
  if (entry.type == Type::character && entry.device == makedev(0, 0)) {
    ++tally_.whiteout_devices;
    return;
  }
  if (device && options_.no_devices) {
    ++tally_.devices_unwanted;
    return;
  }
  const mode_t kind = entry.type == Type::character ? S_IFCHR
                      : entry.type == Type::block   ? S_IFBLK
                      : entry.type == Type::fifo    ? S_IFIFO
                                                    : S_IFSOCK;
  clear_name(parent, name, false);
  if (::mknodat(parent.fd.get(), name.c_str(), kind | (entry.attributes.mode & 0777), entry.device) < 0) {
    if (!device || errno != EPERM) throw system_error("make the node");
    ++tally_.devices_denied;
    return;
  }
  apply_attributes_at(parent.fd.get(), name, false, entry.attributes, ownership_, tally_);
  note_placed(parent, name);
}

}  // namespace rocker
