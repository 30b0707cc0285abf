// create, start and run.
#include "rocker-runc/create.hh"

#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "rocker-runc/commands/commands.hh"
#include "rocker-runc/notify_socket.hh"
#include "rocker-runc/start.hh"
#include "rocker-runc/start_gate.hh"
#include "rocker-runc/supervise.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

void define(CommandLine& app, CreateOptions& o) {
  app.add_option("-b,--bundle", o.bundle, "directory of the bundle (default: the working directory)");
  app.add_option("-f,--config", o.config, "file in the place of the bundle's config.json");
  app.add_option("--console-socket", o.console_socket,
                 "AF_UNIX socket that gets the master of the container's terminal");
  app.add_option("--pid-file", o.pid_file, "file that the pid of the container's init is written to");
  app.add_option("--pidfd-socket", o.pidfd_socket,
                 "AF_UNIX socket that gets a pidfd of the container's init");
  app.add_flag("--no-pivot", o.no_pivot,
               "change the root by chroot(2), for a host that lives in its initramfs");
  app.add_flag("--no-new-keyring", o.no_new_keyring, "leave the caller's session keyring to the container");
  app.add_option("--preserve-fds", o.preserve_fds,
                 "number of further descriptors, from 3 on, that the container gets")
      ->range(0, 1024);
}

void complete(CreateOptions& o, const Globals& globals) {
  o.root = globals.root;
  o.rootless = globals.rootless;
  o.cgroup_driver = globals.systemd_cgroup ? cgroup::Driver::systemd : cgroup::Driver::cgroupfs;
  if (o.bundle.empty()) o.bundle = std::string(1, '.');
}

bool is_bundle(const std::string& path) {
  struct stat st {};
  return ::stat(cat(path, "/config.json").c_str(), &st) == 0;
}

std::string new_id() {
  unsigned char bytes[6];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    throw system_error("getrandom");
  constexpr char digits[] = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : bytes) id += {digits[byte >> 4], digits[byte & 15]};
  return id;
}

// An engine's 64 digits as its tables show them; any other ID is what somebody has chosen.
std::string short_id(const std::string& id) {
  const bool digits = id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  return digits ? id.substr(0, 12) : id;
}

void told_of_memory(const Container& container, int status) {
  if (status != 128 + SIGKILL) return;
  try {
    if (container.cgroups().oom_kills() > 0) {
      log::warn(
          cat("container \"", short_id(container.id()), "\" was killed for memory: it reached its limit"));
    }
  } catch (const Error& error) {
    log::debug(error.what());
  }
}

void wait_until_ready(const Container& container, const UniqueFd& pidfd, const NotifySocket& notify) {
  if (notify) notify.wait(pidfd.get(), container.record().pid);
}

}  // namespace

int create(const Globals& globals, const std::vector<std::string>& args) {
  CreateOptions o;
  CommandLine app("create", "ID", "Makes a container from a bundle. Its program is not run before `start`.");
  define(app, o);
  app.add_option("ID", o.id, "name of the new container")->required();
  if (!app.read(args)) return 0;
  complete(o, globals);
  create_container(o);
  return 0;
}

int start(const Globals& globals, const std::vector<std::string>& args) {
  std::string id;
  CommandLine app("start", "ID",
                  "Runs the program of a created container. Returns when it runs, or says why it does not.");
  app.add_option("ID", id, "the container")->required();
  if (!app.read(args)) return 0;
  Container container = Container::load(globals.root, id);
  const FileLock lock = container.lock();
  container = Container::load(globals.root, id);
  const Status status = container.status();
  if (status != Status::created) {
    throw Error(cat("cannot start container \"", id, "\": it is ", name(status),
                    ", and only a created one can be started"));
  }
  const spec::Config config = container.config();
  if (!config.process)
    throw Error(cat("cannot start container \"", id, "\": its config.json has no \"process\""));
  NotifySocket notify;
  if (container.record().notify_socket && std::getenv("NOTIFY_SOCKET") != nullptr) {
    notify = NotifySocket::bind(container.path("notify"));
  }
  const UniqueFd pidfd = container.init_pidfd();
  Channel channel = StartGate::open(container.directory_fd());
  bool hook_failed = false;
  try {
    start_container(container, config, channel, hook_failed);
  } catch (const Error&) {
    if (hook_failed) destroy_after_failure(container);
    throw;
  }
  wait_until_ready(container, pidfd, notify);
  return 0;
}

int run(const Globals& globals, const std::vector<std::string>& args) {
  CreateOptions o;
  std::vector<std::string> names;
  bool detach = false, keep = false;
  CommandLine app(
      "run", "BUNDLE [ID] | [-b BUNDLE] ID",
      "Makes a container and starts it. In the foreground it stays until the container's init ends, and\n"
      "exits with its status. A lone word is a bundle if it is a directory with a config.json in it, else\n"
      "the ID of a container whose bundle is the working directory.");
  define(app, o);
  app.add_flag("-d,--detach", detach, "return when the container runs");
  app.add_flag("--keep", keep, "do not remove the container when it has ended");
  bool no_subreaper = false;
  app.add_flag("--no-subreaper", no_subreaper, "ignored: this runtime never is a subreaper");
  app.add_option("BUNDLE|ID", names, "the bundle, the new container's name, or both")
      ->required()
      ->expected(1, 2);
  if (!app.read(args)) return 0;
  if (names.size() == 2) {
    if (!o.bundle.empty()) throw Error("run: BUNDLE is given twice, by --bundle and as an argument");
    o.bundle = names[0];
    o.id = names[1];
  } else if (!globals.called_runc && o.bundle.empty() && is_bundle(names[0])) {
    o.bundle = names[0];
    o.id = new_id();
  } else {
    o.id = names[0];
  }
  complete(o, globals);
  o.detach = detach;
  o.start_at_once = true;
  if (!detach) block_forwarded_signals();
  Created created = create_container(o);
  NotifySocket notify;
  int status = 0;
  try {
    if (!created.config.process) throw Error("config.json: \"process\" is missing, there is nothing to run");
    if (created.container.record().notify_socket)
      notify = NotifySocket::bind(created.container.path("notify"));
    created.channel.send(Message::start);
    bool hook_failed = false;
    start_container(created.container, created.config, created.channel, hook_failed);
    if (detach) {
      wait_until_ready(created.container, created.pidfd, notify);
      return 0;
    }
    status = supervise(created.container.record().pid, created.pidfd, std::move(created.console), &notify,
                       globals.interrupts);
  } catch (const Error&) {
    destroy_after_failure(created.container);
    throw;
  }
  told_of_memory(created.container, status);
  if (!keep) {
    const FileLock lock = created.container.lock();
    destroy_container(created.container, status);
  }
  return status;
}

}  // namespace rocker::commands
