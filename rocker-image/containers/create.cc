// A container is made: its name, its bundle, its volumes, and what is known of it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "rocker-image/bundle/bundle.hh"
#include "rocker-image/bundle/values.hh"
#include "rocker-image/containers/events.hh"
#include "rocker-image/containers/health.hh"
#include "rocker-image/containers/joined.hh"
#include "rocker-image/containers/lifecycle.hh"
#include "rocker-image/containers/platform.hh"
#include "rocker-image/containers/volumes.hh"
#include "spec/support/defer.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

namespace {

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) throw system_error("readlink /proc/self/exe");
  return {path, static_cast<std::size_t>(size)};
}

// While a container is made, a signal waits: what is there is complete or taken back when it is delivered.
class HeldSignals {
 public:
  HeldSignals() {
    const sigset_t ending = ending_signals();
    ::sigprocmask(SIG_BLOCK, &ending, &before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Facts create(const Room& room, const bundle::Options& options) {
  bundle::check_cpus_on_host(options.cpus);
  bundle::check_on_host(options.resources.cpu);
  if (!options.platform.empty()) check_platform(room.store.find(options.image).record, options.platform);
  Facts facts;
  facts.name = options.name;
  facts.created_ns = now_ns();
  facts.tty = options.tty;
  facts.interactive = options.interactive;
  facts.remove = options.remove;
  facts.restart = options.restart;
  facts.stop_timeout = options.stop_timeout;
  facts.log_driver = options.log_driver;
  facts.log_max_size = options.log_max_size;
  facts.detach_keys = options.detach_keys;
  facts.pidfile = options.pidfile;
  facts.network = options.network;
  facts.userns = options.userns;
  if (options.resources.memory.limit && *options.resources.memory.limit > 0) {
    facts.memory_limit = static_cast<std::uint64_t>(*options.resources.memory.limit);
  }

  facts.image = options.image;
  const HeldSignals held;
  const FileLock lock = room.registry.reserve(facts);
  const std::string dir = room.registry.directory(facts.id);
  Defer undo([&] {
    try {
      for (const auto& name : facts.anonymous_volumes) remove_volume(room.registry, name, facts.id);
      room.registry.forget(facts);
    } catch (const Error& error) {
      log::warn(error.what());
    }
  });
  UniqueFd cidfile;
  if (!options.cidfile.empty()) {
    cidfile = UniqueFd(::open(options.cidfile.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!cidfile) throw system_error(cat("--cidfile ", printable(options.cidfile)));
  }
  Defer undo_cidfile([&] {
    if (cidfile) ::unlink(options.cidfile.c_str());
  });

  bundle::Request request{room.store, options, options.image, dir, facts.id};
  request.volume_source = [&](const bundle::VolumeRequest& volume) {
    if (volume.kind == bundle::VolumeRequest::Kind::bind)
      return volume_source(room.registry.root(), volume, facts);
    const FileLock all = lock_volumes(room.registry.root());
    std::string data = volume_source(room.registry.root(), volume, facts);
    facts.volumes.push_back(volume.source.empty() ? facts.anonymous_volumes.back() : volume.source);
    room.registry.save(facts);
    return data;
  };
  request.container_pid = [&](std::string_view name) { return running_container(room.registry, name).pid; };
  request.container_users = [&](std::string_view name) {
    const Running other = running_container(room.registry, name);
    return bundle::load_record(room.registry.directory(other.facts.id)).users;
  };
  request.finish = [&](spec::Config& config, const spec::ImageConfig& image) {
    facts.check = health_check(options, image);
    // Only a foreground `run --rm` without a terminal needs nobody to watch it.
    facts.direct = options.remove && !options.detach && !options.tty && options.pidfile.empty() &&
                   facts.check.command.empty();
    if (!facts.direct) return;
    // Nobody is there at its end but the runtime.
    config.hooks.poststop.push_back(
        {own_program(),
         {"rocker-image", "--root", room.registry.root(), "container", "ended", facts.id},
         {},
         {}});
  };
  const bundle::Made made = bundle::make(request);
  Defer undo_bundle([&] {
    try {
      bundle::unmake(room.store, dir);
    } catch (const Error& error) {
      log::warn(error.what());
    }
  });
  fill_volumes(made);
  facts.joined = joined_containers(room.registry, options);
  facts.image = made.image.reference.text();
  facts.image_id = made.image.record.id;
  facts.command = made.assembled.config.process->args;
  facts.stop_signal = made.assembled.stop_signal;
  facts.given = given_by(options, made, facts.anonymous_volumes);
  facts.labels = made.image.record.config.labels;
  for (const auto& [key, value] : options.labels) facts.labels.insert_or_assign(key, value);
  facts.incomplete = false;
  facts.volumes.clear();
  if (cidfile) write_all(cidfile.get(), facts.id, options.cidfile);
  room.registry.save(facts);
  note_event(room.registry.root(), "create", facts);
  undo_bundle.dismiss();
  undo_cidfile.dismiss();
  undo.dismiss();
  return facts;
}

}  // namespace rocker::containers
