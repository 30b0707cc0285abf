// cp: files into a container and out of it, as a tar stream. On the side of the container every path is
// resolved inside its root (openat2) and what is written goes through the importer's extractor, so that no
// link of a container's, whenever it is put there, leads out (CVE-2018-15664, CVE-2019-14271).
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "rocker-image/containers/events.hh"
#include "rocker-image/content.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/tar_writer.hh"
#include "rocker-image/verbs/container_root.hh"
#include "rocker-image/verbs/inside.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"

namespace rocker::verbs {

namespace {

struct CpOptions {
  bool archive = false, follow = false, quiet = false;
};

constexpr grammar::Option<CpOptions> cp_table[] = {
    {{"archive", 'a', "", "keep owners; else what is copied is root's"},
     [](CpOptions& o, std::string_view v) { o.archive = on(v); }},
    {{"follow-link", 'L', "", "copy what a link leads to"},
     [](CpOptions& o, std::string_view v) { o.follow = on(v); }},
    {{"quiet", 'q', "", "rocker says nothing anyhow"},
     [](CpOptions& o, std::string_view v) { o.quiet = on(v); }},
};

// One end of a copy: a path below a root, the host's own or a container's.
struct Place {
  std::string text;  // for messages
  std::string path;
  int root = -1;
  bool stream = false;  // "-"
  bool in_container = false;
  int user_namespace = -1;  // of a container with users of its own (see Inside)
};

// Where the source is, and which name it has there; "." for the contents of a folder.
struct Source {
  UniqueFd directory;
  std::string name;
  bool is_directory = false;
};

Source find_source(const Place& place, bool follow) {
  Source source;
  std::string path = place.path;
  const bool contents = path == "." || path.ends_with("/.");
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  struct stat st {};
  if (contents || path == "/") {
    source.directory = open_in_root(place.root, path, O_RDONLY | O_DIRECTORY);
    source.name = ".";
    source.is_directory = true;
    return source;
  }
  if (follow) {
    // The link's target as the root's own processes see it.
    const UniqueFd target = open_in_root(place.root, path, O_PATH);
    char resolved[4096];
    const ssize_t size = ::readlink(cat("/proc/self/fd/", target.get()).c_str(), resolved, sizeof resolved);
    const UniqueFd top = open_in_root(place.root, "/", O_PATH);
    char prefix[4096];
    const ssize_t prefix_size = ::readlink(cat("/proc/self/fd/", top.get()).c_str(), prefix, sizeof prefix);
    if (size > 0 && prefix_size > 0) {
      const std::string_view whole(resolved, static_cast<std::size_t>(size)),
          root(prefix, static_cast<std::size_t>(prefix_size));
      path =
          root == "/" ? std::string(whole) : std::string(whole.substr(std::min(root.size(), whole.size())));
    }
  }
  auto parent = open_parent_in_root(place.root, path, false);
  source.directory = std::move(parent.dir);
  source.name = std::move(parent.name);
  if (::fstatat(source.directory.get(), source.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
    throw system_error(printable(place.text));
  source.is_directory = S_ISDIR(st.st_mode);
  return source;
}

// The host's tar, of one name in a folder that is handed over by descriptor. It follows no link on its way
// down.
pid_t start_tar(const Source& source, int out) {
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("fork");
  if (pid != 0) return pid;
  if (::fchdir(source.directory.get()) < 0 || ::dup2(out, STDOUT_FILENO) < 0) ::_exit(126);
  ::execlp("tar", "tar", "--format=pax", "--numeric-owner", "--sparse", "-cf", "-", "--", source.name.c_str(),
           nullptr);
  ::_exit(127);
}

// The entries of a tar with the first part of their names replaced, owners as wished, and folders remembered,
// whose attributes can only be set when all that is in them was made.
class CopiedEntries : public EntrySource {
 public:
  CopiedEntries(EntrySource& inner, std::string from, std::string to, bool keep_owner)
      : inner_(inner), from_(std::move(from)), to_(std::move(to)), keep_owner_(keep_owner) {}

  bool next(Entry& entry) override {
    if (!inner_.next(entry)) return false;
    entry.path = renamed(entry.path);
    if (entry.type == Entry::Type::hardlink) entry.target = renamed(entry.target);
    if (!keep_owner_) entry.attributes.uid = entry.attributes.gid = 0;
    if (entry.type == Entry::Type::directory) folders_.emplace_back(entry.path, entry.attributes);
    return true;
  }
  bool data(Chunk& chunk) override { return inner_.data(chunk); }

  void finish_folders(int root, const Ownership& ownership) {
    std::reverse(folders_.begin(), folders_.end());
    Tally tally;
    for (const auto& [path, attributes] : folders_) {
      // The root of the copy is what was there before: it keeps what it has.
      if (path.find_first_not_of("./") == std::string::npos) continue;
      const UniqueFd fd = try_open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      struct stat st {};
      if (fd && ::fstat(fd.get(), &st) == 0)
        apply_attributes(fd.get(), attributes, ownership, st.st_mode, tally);
    }
  }

 private:
  std::string renamed(const std::string& path) const {
    if (from_.empty() || from_ == ".") return path;
    if (path == from_) return to_;
    if (path.starts_with(cat(from_, "/"))) return cat(to_, path.substr(from_.size()));
    return path;
  }

  EntrySource& inner_;
  std::string from_, to_;
  bool keep_owner_;
  std::vector<std::pair<std::string, Attributes>> folders_;
};

// What comes from a descriptor as a tar is put below a folder.
void unpack(int tar_fd, int folder, const std::string& from, const std::string& to, bool keep_owner) {
  Cancel cancel;
  FileSource file(tar_fd, "the copy", &cancel);
  const Ownership ownership = Ownership::of_this_process(false);
  ContentWriter content(ownership, cancel);
  ExtractOptions extract;
  extract.keep_kinds = true;
  Extractor extractor(folder, ownership, extract, content, cancel);
  Stream stream(file, "the copy", cancel);
  stream.before_wait([&] { content.flush(); });
  ArchiveReader reader(stream);
  CopiedEntries entries(reader, from, to, keep_owner);
  extractor.extract(entries, false);
  stream.finish();
  content.drain();
  content.finish();
  entries.finish_folders(folder, ownership);
}

std::uint64_t mount_of(int fd) {
  struct statx st {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0) throw system_error("statx");
  return st.stx_mnt_id;
}

// In docker's words, which scripts look for.
void refuse_read_only(const Place& place, int fd) {
  struct statvfs fs {};
  if (!place.in_container || ::fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_RDONLY) == 0) return;
  const bool is_root = mount_of(fd) == mount_of(place.root);
  throw Error(cat(printable(place.text), ": ", is_root ? "container rootfs" : "mounted volume",
                  " is marked read-only"),
              EROFS);
}

// docker's rules for the destination: a folder that is there takes the source into it (or, for "DIR/.", what
// is in it); else the last part is the new name, and its parent has to be there.
struct Destination {
  UniqueFd folder;
  std::string name;  // that the copy gets in it
};

Destination find_destination(const Place& place, const Source& source) {
  Destination out;
  std::string path = place.path;
  const bool wants_folder = path.ends_with('/') || path.ends_with("/.");
  out.folder = try_open_in_root(place.root, path, O_RDONLY | O_DIRECTORY);
  if (out.folder) {
    refuse_read_only(place, out.folder.get());
    out.name = source.name;
    return out;
  }
  if (errno != ENOENT && errno != ENOTDIR) throw system_error(printable(place.text));
  const UniqueFd there = try_open_in_root(place.root, path, O_PATH);
  const bool is_there = there || errno == ENOTDIR;
  if (is_there && source.is_directory)
    throw Error(cat(printable(place.text), ": is a file, the source is a folder"));
  if (!source.is_directory && wants_folder) throw Error(cat(printable(place.text), ": no such directory"));
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  auto parent = with_context([&] { return printable(place.text); },
                             [&] { return open_parent_in_root(place.root, path, false); });
  refuse_read_only(place, parent.dir.get());
  if (there && place.in_container && mount_of(there.get()) != mount_of(parent.dir.get())) {
    // To replace it would take the mount away from a container that runs.
    refuse_read_only(place, there.get());
    throw system_error(cat(printable(place.text), ": is a mount"), EBUSY)
        .hint("copy to its source on the host");
  }
  if (source.name == ".") {
    // The contents of a folder become a new folder.
    if (::mkdirat(parent.dir.get(), parent.name.c_str(), 0755) < 0) throw system_error(printable(place.text));
    out.folder = open_at(parent.dir.get(), parent.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    out.name = ".";
    return out;
  }
  out.folder = open_at(parent.dir.get(), ".", O_RDONLY | O_DIRECTORY);
  out.name = parent.name;
  return out;
}

// The source as a tar, from whoever can tell the owners: the host's tar, or a child of ours in the
// container's user namespace.
class TarOf {
 public:
  TarOf(const Place& from, const Source& source, UniqueFd& read_end, UniqueFd write_end) : text_(from.text) {
    const int out = write_end ? write_end.get() : STDOUT_FILENO;
    if (from.user_namespace < 0) {
      pid_ = start_tar(source, out);
      return;
    }
    inside_.emplace(from.user_namespace, [&] {
      // A pipe that this process could read itself would never be broken.
      read_end.reset();
      TarWriter tar(out, Compress::none, printable(from.text));
      if (source.name == ".") {
        tar.add_tree(source.directory.get());
      } else {
        tar.add_named(source.directory.get(), source.name);
      }
      tar.finish();
    });
  }

  void finish() {
    if (inside_) return inside_->finish();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) throw Error(cat("could not read all of ", printable(text_)));
  }

 private:
  const std::string& text_;
  pid_t pid_ = -1;
  std::optional<Inside> inside_;
};

// Runs fn as who may write there with the owners that the place has.
void write_at(const Place& to, const std::function<void()>& fn) {
  if (to.user_namespace < 0) return fn();
  Inside(to.user_namespace, fn).finish();
}

void copy(const Place& from, const Place& to, const CpOptions& options) {
  if (from.stream) {
    return write_at(to, [&] {
      const UniqueFd folder = open_in_root(to.root, to.path, O_RDONLY | O_DIRECTORY);
      refuse_read_only(to, folder.get());
      unpack(STDIN_FILENO, folder.get(), "", "", true);
    });
  }
  const Source source = find_source(from, options.follow);
  Destination destination;
  if (!to.stream && to.user_namespace < 0) destination = find_destination(to, source);
  UniqueFd read_end, write_end;
  if (!to.stream) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  TarOf tar(from, source, read_end, std::move(write_end));
  std::exception_ptr problem;
  try {
    if (!to.stream) {
      write_at(to, [&] {
        if (!destination.folder) destination = find_destination(to, source);
        unpack(read_end.get(), destination.folder.get(), source.name, destination.name, options.archive);
      });
    }
  } catch (const Error&) {
    problem = std::current_exception();
  }
  read_end.reset();
  try {
    tar.finish();
  } catch (const Error&) {
    // That nobody reads it any more is no news.
    if (!problem) throw;
  }
  if (problem) std::rethrow_exception(problem);
}

// "NAME:PATH", where a path of the host's that has a ':' in it begins with '/' or '.'.
bool names_container(const std::string& text) {
  const auto colon = text.find(':');
  return colon != std::string::npos && colon != 0 && !text.starts_with('/') && !text.starts_with('.');
}

}  // namespace

Rows cp_rows() {
  return grammar::rows_of(table(cp_table));
}

int cp(const Room& room, Args args) {
  CpOptions options;
  const auto rest = grammar::parse("cp", table(cp_table), options, args, grammar::Positionals::mixed);
  if (rest.size() != 2)
    throw Error("cp: expected a source and a destination")
        .hint("rocker cp CONTAINER:PATH PATH, or the other way round");
  const bool out_of = names_container(rest[0]), into = names_container(rest[1]);
  if (out_of == into)
    throw Error("cp: exactly one of source and destination is in a container")
        .hint("NAME:PATH names a path in one");
  const std::string& inside = out_of ? rest[0] : rest[1];
  const std::string& outside = out_of ? rest[1] : rest[0];
  const auto colon = inside.find(':');
  const Facts facts = find(room, inside.substr(0, colon));
  const ContainerRoot root(room, facts, ContainerRoot::Mounts::shown);
  const UniqueFd host = open_path("/", O_PATH | O_DIRECTORY);
  Place container{inside, inside.substr(colon + 1), root.fd(), false, true, root.user_namespace()};
  if (!container.path.starts_with('/')) container.path.insert(0, "/");
  Place here{outside, outside, host.get(), outside == "-"};
  if (!here.stream) {
    // Made absolute, but with the "/." and "/" at its end, which mean something.
    const bool dot = outside == "." || outside.ends_with("/."), slash = outside.ends_with('/');
    here.path = absolute_path(outside) + (dot && out_of == false ? "/." : slash ? "/" : "");
  }
  if (out_of) {
    copy(container, here, options);
  } else {
    copy(here, container, options);
  }
  containers::note_event(room.registry.root(), "copy", facts);
  return 0;
}

}  // namespace rocker::verbs
