// cp: files into a container and out of it, as a tar stream. On the side of the container every path is
// resolved inside its root (openat2) and what is written goes through the importer's extractor, so that no
// link of a container's, whenever it is put there, leads out (CVE-2018-15664, CVE-2019-14271).
#include <fcntl.h>
#include <sys/stat.h>
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
#include "rocker-image/verbs/cp_places.hh"
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
    if (from_.empty()) return path;
    if (from_ == ".") return to_ == "." ? path : cat(to_, "/", path);
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
  if (outside.empty())
    throw Error("cp: the path on the host is empty").hint("\".\" is the working directory");
  const auto colon = inside.find(':');
  const Facts facts = find(room, inside.substr(0, colon));
  const ContainerRoot root(room, facts, ContainerRoot::Mounts::shown);
  const UniqueFd host = open_path("/", O_PATH | O_DIRECTORY);
  Place container{inside, inside.substr(colon + 1), root.fd(), false, true, root.user_namespace()};
  if (!container.path.starts_with('/')) container.path = cat("/", container.path);
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
