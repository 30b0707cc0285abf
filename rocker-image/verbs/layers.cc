// export, commit: what a container has made of its image, as a tar or as another image.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "rocker-image/builder.hh"
#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/changes.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/folder.hh"
#include "rocker-image/output.hh"
#include "rocker-image/tar_writer.hh"
#include "rocker-image/verbs/container_root.hh"
#include "rocker-image/verbs/inside.hh"
#include "rocker-image/verbs/spawn.hh"
#include "rocker-image/verbs/verbs.hh"
#include "spec/support/file.hh"
#include "spec/support/units.hh"

namespace rocker::verbs {

namespace {

struct ExportOptions {
  std::string output;
};

constexpr grammar::Option<ExportOptions> export_table[] = {
    {{"output", 'o', "FILE", "into a file, not to stdout"},
     [](ExportOptions& o, std::string_view v) { o.output = v; }},
};

struct CommitOptions {
  std::string message, author;
  std::vector<std::string> changes;
  bool pause = true;
};

constexpr grammar::Option<CommitOptions> commit_table[] = {
    {{"author", 'a', "NAME", "who made it"}, [](CommitOptions& o, std::string_view v) { o.author = v; }},
    {{"change", 'c', "INSTRUCTION", "of a Dockerfile's: CMD, ENV, ..."},
     [](CommitOptions& o, std::string_view v) { o.changes.emplace_back(v); }},
    {{"message", 'm', "TEXT", "for the history"},
     [](CommitOptions& o, std::string_view v) { o.message = v; }},
    {{"pause", 'p', "", "hold it while it is copied; usual"},
     [](CommitOptions& o, std::string_view v) { o.pause = on(v); }},
};

void write_tar(int root, int out) {
  TarWriter tar(out, Compress::none, "export");
  tar.add_tree(root);
  tar.finish();
}

// What is in a container with users of its own, as its root sees it.
void apply_from_inside(Builder& builder, int user_namespace, int root) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  Inside tar(user_namespace, [&] {
    read_end.reset();
    write_tar(root, write_end.get());
  });
  write_end.reset();
  Cancel cancel;
  FileSource source(read_end.get(), "the container", &cancel);
  builder.apply(source, "the container", false);
  tar.finish();
}

// Runs fn while the container is held, so that what is copied belongs together.
template <typename Fn>
auto while_paused(const Room& room, const Facts& facts, bool wanted, Fn fn) {
  const bool pause = wanted && look(room.registry, facts).status == containers::Status::running;
  if (!pause) return fn();
  call_runtime(room, {"pause", facts.id});
  struct Resume {
    const Room& room;
    const Facts& facts;
    ~Resume() {
      try {
        call_runtime(room, {"resume", facts.id});
      } catch (const Error& error) {
        log::warn(error.what());
      }
    }
  } resume{room, facts};
  return fn();
}

}  // namespace

Rows export_rows() {
  return grammar::rows_of(table(export_table));
}
Rows commit_rows() {
  return grammar::rows_of(table(commit_table));
}

int export_verb(const Room& room, Args args) {
  ExportOptions options;
  const auto names =
      grammar::parse("export", table(export_table), options, args, grammar::Positionals::mixed);
  if (names.size() != 1)
    throw Error("export: expected one container or image").hint("rocker export NAME -o FILE");
  const Facts facts = find(room, names[0]);
  Output output(options.output);
  // The layers, not what is mounted in them.
  const ContainerRoot held(room, facts);
  const UniqueFd root = ContainerRoot::layers_of(room, facts);
  const auto from_inside = [&] {
    Inside(held.user_namespace(), [&] { write_tar(root.get(), output.fd()); }).finish();
    return 0;
  };
  const int status =
      held.user_namespace() >= 0
          ? from_inside()
          : run_attached({"tar", "--numeric-owner", "--sparse", "--xattrs", "--one-file-system", "-C",
                          cat(room.registry.directory(facts.id), "/rootfs"), "-cf", "-", "."},
                         -1, output.fd());
  if (status != 0) throw Error(cat("export: tar failed with status ", status));
  output.finish();
  containers::note_event(room.registry.root(), "export", facts);
  return 0;
}

int commit(const Room& room, Args args) {
  CommitOptions options;
  const auto names =
      grammar::parse("commit", table(commit_table), options, args, grammar::Positionals::mixed);
  if (names.size() != 2)
    throw Error("commit: expected a container and the image's name")
        .hint("rocker commit CONTAINER NAME[:TAG]");
  const Facts facts = find(room, names[0]);
  const auto reference = spec::Reference::parse(names[1]);
  const auto record = bundle::load_record(room.registry.directory(facts.id));
  const Image base = room.store.find_generation(record.image, record.generation);
  ImportOptions import;
  import.reference = reference;
  Cancel cancel;
  Builder builder(room.store, import, cancel);
  while_paused(room, facts, options.pause, [&] {
    const ContainerRoot held(room, facts);
    const UniqueFd root = ContainerRoot::layers_of(room, facts);
    if (held.user_namespace() >= 0) {
      apply_from_inside(builder, held.user_namespace(), root.get());
    } else {
      FolderSource source(root.get(), "");
      builder.apply(source);
    }
    return 0;
  });
  spec::ImageRecord made;
  made.name = reference.name;
  made.tag = reference.tag;
  made.os = base.record.os;
  made.architecture = base.record.architecture;
  made.variant = base.record.variant;
  made.config = base.record.config;
  for (const auto& change : options.changes) apply_change(change, made.config);
  made.source.path = cat("container ", facts.name);
  made.source.format = "container";
  made.history = base.record.history;
  spec::ImageHistory step;
  step.created = spec::utc_time(containers::now_ns());
  step.created_by = join(facts.command, " ");
  step.author = options.author;
  step.comment = options.message;
  made.history.push_back(std::move(step));
  const Imported imported = builder.commit(std::move(made));
  containers::note_event(room.registry.root(), "commit", facts, {{"comment", options.message}});
  print(cat(imported.record.id, "\n"));
  return 0;
}

}  // namespace rocker::verbs
