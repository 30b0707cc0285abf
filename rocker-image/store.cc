// What is in the store.
#include "rocker-image/store.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "rocker-image/store_folders.hh"
#include "spec/support/error.hh"
#include "spec/support/fd_list.hh"
#include "spec/support/file.hh"
#include "spec/support/siphash.hh"
#include "spec/support/str.hh"

namespace rocker {

using namespace store_folders;

namespace {

// An image.json that was not written by an import has no generation. What it says stands in for one.
std::string generation_of(const spec::ImageRecord& record) {
  if (!record.generation.empty()) return record.generation;
  return cat("made-", hexadecimal(sip_hash_13(cat(record.name, ":", record.tag, record.created_time)), 16));
}

bool is_hexadecimal(std::string_view text) {
  return !text.empty() && text.size() <= 12 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// By the number of a directory's links: its name, its ".", and the ".." of each folder in it. Where a file
// system does not count them so (btrfs, overlayfs) it is not known. To read a directory takes four calls of
// the kernel, and most images have one tag.
bool has_one_folder(int dir_fd, const std::string& name) {
  struct stat st {};
  return ::fstatat(dir_fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
         st.st_nlink == 3;
}

// With as few calls of the kernel as there can be, for thousands of them. What is long, broken or no file is
// nothing here: Store::load() reads it or says what it is.
std::optional<spec::ImageHead> head_of(int images_fd, const std::string& path, FdList& to_close) {
  UniqueFd fd(::openat(images_fd, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  char text[16384];
  const ssize_t got = ::read(fd.get(), text, sizeof text - 1);
  to_close.add(std::move(fd));
  if (got <= 0 || got == sizeof text - 1) return std::nullopt;
  text[got] = '\0';
  return spec::parse_image_head(text);
}

}  // namespace

// tag_image() links the manifest as well.
std::optional<std::uint64_t> tree_of(const Image& image) {
  struct stat st {};
  if (::lstat(cat(image.directory, "/manifest").c_str(), &st) < 0 || st.st_nlink < 2) return std::nullopt;
  return st.st_ino;
}

std::string Store::image_directory(const spec::Reference& reference) const {
  return cat(root_, "/images/", reference.directory(), "/", reference.tag);
}

Image Store::load(const spec::Reference& reference, std::string directory) const {
  return load(reference, std::move(directory), -1);
}

Image Store::load(const spec::Reference& reference, std::string directory, int images_fd) const {
  const std::string file = cat(directory, "/image.json");
  auto text = images_fd < 0
                  ? read_regular_if_exists(AT_FDCWD, file, most_json)
                  : read_regular_if_exists(
                        images_fd, cat(reference.directory(), "/", reference.tag, "/image.json"), most_json);
  if (!text) {
    throw Error(cat("Image not found: ", reference.text(), ": ", file, " is missing"))
        .hint(cat("import it again, or remove what is left with 'rocker rmi ", reference.text(), "'"));
  }
  Image image{reference, std::move(directory), {}};
  try {
    image.record = spec::parse_image_record(std::move(*text), file);
  } catch (Error& error) {
    error.hint(cat("import it again, or remove it with 'rocker rmi ", reference.text(), "'"));
    throw;
  }
  // A folder that somebody has copied or renamed is the image that its name says.
  image.record.name = reference.name;
  image.record.tag = reference.tag;
  image.record.id = reference.id();
  image.record.generation = generation_of(image.record);
  if (!is_generation(image.record.generation)) {
    throw Error(cat(file, ": /generation: \"", printable(image.record.generation),
                    "\" is not one, expected letters, digits and '-'"));
  }
  return image;
}

spec::Reference Store::resolve(std::string_view text) const {
  const auto reference = spec::Reference::parse(text);
  if (exists(image_directory(reference))) return reference;

  const bool plain = text.find_first_of(":/") == std::string_view::npos;
  std::vector<std::string> same_name, same_id;
  spec::Reference found;
  for (const auto& directory : names_in(cat(root_, "/images"))) {
    const std::string name = spec::name_of_directory(directory);
    const bool by_id = plain && is_hexadecimal(text);
    if (!by_id && name != reference.name) continue;
    for (const auto& tag : names_in(cat(root_, "/images/", directory))) {
      const spec::Reference candidate{name, tag};
      if (name == reference.name) same_name.push_back(candidate.text());
      if (by_id && candidate.id().starts_with(text)) same_id.push_back(candidate.text()), found = candidate;
    }
  }
  if (same_id.size() == 1) return found;
  if (same_id.size() > 1) {
    throw Error(cat("\"", text, "\" is the beginning of several IDs: ", join(same_id, ", ")))
        .hint("give more digits");
  }
  Error error(cat("Image not found: ", reference.text()));
  if (!same_name.empty()) throw error.hint(cat("there is ", join(same_name, ", ")));
  throw error.hint(
      cat("No such image here: import it with 'rocker import <tar-file> ", reference.text(), "'"));
}

Image Store::find(std::string_view text) const {
  const auto reference = resolve(text);
  return load(reference, image_directory(reference));
}

// load_one(images_fd, images' path, NAME's directory, tag) for each, and what it gives to take.
template <typename Load, typename Take>
void Store::visit(const Load& load_one, const Take& take, const OnBroken& broken) const {
  const std::string folder = cat(root_, "/images");
  const UniqueFd dir(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir) {
    if (errno == ENOENT) return;
    throw system_error(cat("open ", folder));
  }
  const auto attempt = [&](const std::string& directory, const std::string& tag, const OnBroken& failed) {
    std::optional<decltype(load_one(dir.get(), folder, directory, tag))> one;
    try {
      one.emplace(load_one(dir.get(), folder, directory, tag));
    } catch (const Error& error) {
      failed(error);
      return false;
    }
    take(*one);
    return true;
  };
  const OnBroken ignore = [](const Error&) {};
  const std::string latest = "latest";
  for (const auto& directory : names_in(folder)) {
    // If it is not that one, it is another tag, or a broken one.
    if (has_one_folder(dir.get(), directory) && attempt(directory, latest, ignore)) continue;
    for (const auto& tag : names_in(dir.get(), directory)) attempt(directory, tag, broken);
  }
}

void Store::each(const std::function<void(Image&)>& take, const OnBroken& broken) const {
  const auto load_one = [&](int images_fd, const std::string& folder, const std::string& directory,
                            const std::string& tag) {
    return load({spec::name_of_directory(directory), tag}, cat(folder, "/", directory, "/", tag), images_fd);
  };
  visit(load_one, take, broken);
}

Store::Summary Store::summary_of(const Image& image) {
  const auto& record = image.record;
  return {image.reference, record.size, record.created_ns, record.created_time};
}

void Store::each_summary(const std::function<void(Summary&)>& take, const OnBroken& broken) const {
  std::string file;
  FdList to_close;
  const std::size_t most_open = share_of_descriptors(32);
  const auto load_one = [&](int images_fd, const std::string& folder, const std::string& directory,
                            const std::string& tag) {
    if (to_close.size() >= most_open) to_close.close_all();
    file.assign(directory).append("/").append(tag).append("/image.json");
    spec::Reference reference{spec::name_of_directory(directory), tag};
    if (const auto head = head_of(images_fd, file, to_close))
      return Summary{std::move(reference), head->size, head->created_ns, spec::local_time(head->created_ns)};
    return summary_of(load(reference, cat(folder, "/", directory, "/", tag), images_fd));
  };
  visit(load_one, take, broken);
}

std::vector<Image> Store::list(const OnBroken& broken) const {
  std::vector<Image> images;
  each([&](Image& image) { images.push_back(std::move(image)); }, broken);
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    if (a.record.created_ns != b.record.created_ns) return a.record.created_ns > b.record.created_ns;
    return std::tie(a.reference.name, a.reference.tag) < std::tie(b.reference.name, b.reference.tag);
  });
  return images;
}

void Store::check_rootfs(const Image& image) const {
  if (is_directory(image.rootfs())) return;
  throw Error(cat("rootfs not found: ", image.rootfs()))
      .hint(cat("import ", image.reference.text(), " again with 'rocker import <tar-file> ",
                image.reference.text(), "'"));
}

FileLock Store::lock(const spec::Reference& reference, FileLock::Mode mode) const {
  const UniqueFd dir = open_path(make_folder(root_, "locks"), O_PATH | O_DIRECTORY);
  return FileLock::wait(dir.get(), reference.id(), mode);
}

}  // namespace rocker
