#include "rocker-image/bundle/bundle.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rocker-image/bundle/etc_files.hh"
#include "rocker-image/bundle/rootfs.hh"
#include "rocker-image/bundle/user_ranges.hh"
#include "rocker-image/walk.hh"
#include "spec/json.hh"
#include "spec/support/defer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

constexpr const char* record_name = "rocker-bundle.json";

std::string_view name_of(RootfsMode mode) {
  return mode == RootfsMode::overlay ? "overlay" : mode == RootfsMode::copy ? "copy" : "automatic";
}

// The users that the container is to have for its own, noted down as its.
std::optional<UserRange> take_users(const Request& request) {
  const std::string_view mode = request.options.userns;
  const std::string& root = request.store.root();
  if (mode == "private") {
    return reserve_range(root, request.directory, request.id.empty() ? request.directory : request.id);
  }
  if (!mode.starts_with("container:")) return std::nullopt;
  if (!request.container_users) {
    throw Error("--userns: a bundle alone can't join a container")
        .hint("use private, or write the path of its user namespace into config.json");
  }
  const auto users = request.container_users(mode.substr(10));
  if (users) share_range(root, request.directory, *users);
  return users;
}

}  // namespace

BundleRecord load_record(const std::string& directory) {
  constexpr std::size_t most = 64 << 10;
  const std::string path = cat(directory, "/", record_name);
  const auto text = read_file_if_exists(AT_FDCWD, path, most);
  if (!text)
    throw Error(cat(printable(directory), ": is no bundle of rocker's: it has no ", record_name), ENOENT);
  const auto document = json::Document::parse(*text, path);
  const auto v = document.root();
  BundleRecord record;
  record.image = spec::Reference::parse(v.at("image").as_string());
  v.member("generation", record.generation);
  std::string mode;
  v.require("rootfs", mode);
  record.rootfs = mode == "overlay" ? RootfsMode::overlay
                  : mode == "copy"  ? RootfsMode::copy
                                    : RootfsMode::automatic;
  std::uint64_t first_user = 0;
  v.member("users", first_user);
  if (first_user != 0) record.users = UserRange{static_cast<std::uint32_t>(first_user)};
  return record;
}

void save_record(const std::string& directory, const BundleRecord& record) {
  json::Writer w;
  w.object([&] {
    w.member("image", record.image.text());
    w.unless_empty("generation", record.generation);
    w.member("rootfs", name_of(record.rootfs));
    if (record.users) w.member("users", record.users->first);
  });
  replace_file(AT_FDCWD, cat(directory, "/", record_name), w.text(), 0644);
}

Made make(const Request& request) {
  const std::string& dir = request.directory;
  BundleRecord record;
  record.rootfs = request.options.rootfs;
  // First of all: by it 'unbundle' knows a bundle, however little of it there is.
  const Image image = request.store.use(request.image, dir, [&](const Image& found) {
    record.image = found.reference;
    record.generation = found.generation();
    save_record(dir, record);
  });
  std::optional<UserRange> users;
  Defer undo([&] {
    try {
      if (users) release_range(request.store.root(), dir, *users);
      request.store.release(image.reference, image.generation(), dir);
      for (const char* name : {"config.json", "etc", "overlay", "rootfs", record_name})
        remove_tree(AT_FDCWD, cat(dir, "/", name));
    } catch (const Error& error) {
      log::warn(cat("while taking back what was done: ", error.what()));
    }
  });
  request.store.check_rootfs(image);
  const UniqueFd root = open_path(image.rootfs(), O_PATH | O_DIRECTORY);
  users = take_users(request);
  if (users) {
    record.users = users;
    save_record(dir, record);
  }
  Place place{dir,   image.reference.text(), request.id,           root.get(),
              users, request.volume_source,  request.container_pid};
  Assembled assembled = assemble(request.options, image.record.config, place);
  if (request.finish) request.finish(assembled.config, image.record.config);

  // Closed, as the upper layer is: the container's root may make programs of these files, set-user-ID.
  make_directories(cat(dir, "/etc"), 0700);
  for (const auto& file : etc_files(request.options, assembled.hostname)) {
    replace_file(AT_FDCWD, cat(dir, "/etc/", file.name), file.text, 0644);
  }
  make_layer_directories({image.rootfs(), dir});
  replace_file(AT_FDCWD, cat(dir, "/config.json"), spec::write_config(assembled.config), 0644);
  undo.dismiss();
  return {std::move(assembled), image};
}

BundleRecord mount(const Store& store, const std::string& directory, bool throw_away) {
  BundleRecord record = load_record(directory);
  if (is_mounted(directory)) return record;
  if (record.rootfs == RootfsMode::copy && ::access(cat(directory, "/overlay").c_str(), F_OK) != 0) {
    if (record.users) mount_idmapped_copy(directory, *record.users);
    return record;
  }
  // The image's folder moves when its name is given to another image: not while we look.
  const FileLock lock = store.lock(record.image, FileLock::Mode::shared);
  const Image image = store.find_generation(record.image, record.generation);
  store.check_rootfs(image);
  const Layers layers{image.rootfs(), directory, throw_away, record.users};
  std::string why;
  if (record.rootfs != RootfsMode::copy) {
    if (mount_overlay(layers, why)) return record;
    if (record.rootfs == RootfsMode::overlay) {
      throw Error(cat("--rootfs=overlay: ", why))
          .hint("use --rootfs=copy, or put the store on another file system");
    }
    // A copy of the image would be without it.
    if (upper_layer_is_used(directory)) {
      throw Error(cat(printable(directory), ": its overlay can't be mounted here: ", why))
          .hint("what was written is in overlay/upper/");
    }
    log::warn(cat("the image is copied, since overlayfs can't be used here: ", why));
    record.rootfs = RootfsMode::copy;
  }
  copy_rootfs(layers);
  // Its absence says that the copy is whole.
  remove_tree(AT_FDCWD, cat(directory, "/overlay"));
  save_record(directory, record);
  if (record.users) mount_idmapped_copy(directory, *record.users);
  return record;
}

// What a kill in the middle of replace_file() leaves.
static bool is_temporary(const std::string& name) {
  return (name.starts_with("config.json.") || name.starts_with(cat(record_name, "."))) &&
         name.ends_with(".tmp");
}

static void remove_temporary_files(const std::string& directory) {
  const UniqueFd dir = open_path(directory, O_RDONLY | O_DIRECTORY);
  for (const auto& name : names_in_folder(dir.get())) {
    if (is_temporary(name)) ::unlinkat(dir.get(), name.c_str(), 0);
  }
}

bool is_free(const std::string& directory) {
  const UniqueFd dir = open_path(directory, O_RDONLY | O_DIRECTORY);
  const auto names = names_in_folder(dir.get());
  if (!std::all_of(names.begin(), names.end(), is_temporary)) return false;
  remove_temporary_files(directory);
  return true;
}

void unmake(const Store& store, const std::string& directory) {
  const BundleRecord record = load_record(directory);
  unmount_rootfs(directory);
  remove_temporary_files(directory);
  for (const char* name : {"config.json", "etc", "overlay", "rootfs"}) {
    remove_tree(AT_FDCWD, cat(directory, "/", name));
  }
  if (record.users) release_range(store.root(), directory, *record.users);
  store.release(record.image, record.generation, directory);
  remove_tree(AT_FDCWD, cat(directory, "/", record_name));
}

}  // namespace rocker::bundle
