#include "rocker-image/shape.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>

#include "rocker-image/hash.hh"
#include "rocker-image/layout.hh"
#include "rocker-image/walk.hh"
#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// Looks like the top of a root file system?
bool has_root_shape(int dir_fd) {
  int found = 0;
  for (const char* name : {"bin", "sbin", "etc", "usr", "lib", "var", "dev", "proc", "root", "home", "tmp"}) {
    struct stat st {};
    if (::fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) ++found;
  }
  return found >= 3;
}

// The only thing in a directory, when that is a directory as well.
struct Inner {
  std::string name;
  UniqueFd fd;
};
Inner only_directory(int dir_fd) {
  const auto names = names_in_folder(dir_fd);
  if (names.size() != 1) return {};
  return {names[0],
          UniqueFd(::openat(dir_fd, names[0].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))};
}

struct Kind {
  std::string what, advice;
};

// docker's image/v1 directories: HEX/{VERSION,json,layer.tar}.
bool is_old_docker(const LayoutFiles& files, int dir_fd) {
  for (const auto& name : names_in_folder(dir_fd)) {
    Sha256::Digest ignored;
    if (Sha256::parse_hex(name, ignored) && files.open(cat(name, "/VERSION")) &&
        files.open(cat(name, "/json")) && files.open(cat(name, "/layer.tar")))
      return true;
  }
  return false;
}

bool has_member(const LayoutFiles& files, const std::string& path, std::string_view array) {
  auto text = files.read(path);
  if (!text) return false;
  const auto document = json::Document::parse(std::move(*text), path);
  if (!document.root().is_object()) return false;
  const auto member = document.root().find(array);
  return member && member->is_array();
}

// Of images that we don't read as they are.
std::optional<Kind> other_kind(const LayoutFiles& files, int dir_fd) {
  if (is_old_docker(files, dir_fd)) {
    return Kind{"an archive of docker 1.9 or older, which has no manifest.json",
                "load it into a docker from 1.10 on and save it again"};
  }
  struct stat st {};
  if (::fstatat(dir_fd, "blobs/sha256", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
      has_member(files, "index.json", "manifests"))
    return Kind{"an OCI layout without its file oci-layout", "--as oci takes it for one"};
  // containers/image, directory/directory_dest.go
  const auto version = files.read("version");
  if (version && version->starts_with("Directory Transport Version") &&
      (has_member(files, "manifest.json", "layers") || has_member(files, "manifest.json", "manifests") ||
       has_member(files, "manifest.json", "fsLayers"))) {
    return Kind{"a directory of skopeo's dir: transport",
                "'skopeo copy dir:DIRECTORY oci:OTHER' makes an OCI layout of it"};
  }
  return std::nullopt;
}

std::optional<Kind> kind_of(int dir_fd, bool layouts) {
  // A root file system may have files of these names that nobody can read, or that are something else.
  try {
    const LayoutFolder files(dir_fd);
    const LayoutKind kind = layouts ? layout_kind(files) : LayoutKind::none;
    if (kind == LayoutKind::none) return other_kind(files, dir_fd);
    return Kind{kind == LayoutKind::oci ? "an OCI layout" : "a docker archive", {}};
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

void refuse_other_archives(int root_fd, bool folder) {
  if (has_root_shape(root_fd)) return;
  auto kind = kind_of(root_fd, false);
  if (!kind) {
    const auto [name, fd] = only_directory(root_fd);
    if (!fd || has_root_shape(fd.get())) return;
    kind = kind_of(fd.get(), true);
    if (!kind) return;
    kind->what = cat("nothing but the directory \"", printable(name), "\", which is ", kind->what);
    if (kind->advice.empty()) {
      kind->advice = folder ? "import that directory" : "make the archive of what is in it, as 'tar -C' does";
    }
  }
  throw Error(cat("is ", kind->what)).hint(cat(kind->advice, "; --as rootfs takes its files as they are"));
}

std::string single_directory_advice(int root_fd, unsigned top) {
  if (has_root_shape(root_fd)) return {};
  const auto [name, inner] = only_directory(root_fd);
  if (!inner || !has_root_shape(inner.get())) return {};
  return cat("all of it is in the directory \"", printable(name),
             "\", which looks like a root file system; --strip-components ", top, " makes that the root");
}

}  // namespace rocker
