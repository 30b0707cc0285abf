// What the parts of the store have in common: its folders and their names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rocker-image/store.hh"

namespace rocker::store_folders {

// Of an image.json, and of a reference to a bundle.
inline constexpr std::size_t most_json = std::size_t{16} << 20;

// Names in a directory, sorted, without those that begin with a dot; none when there is no such directory.
std::vector<std::string> names_in(const std::string& path);
std::vector<std::string> names_in(int dir_fd, const std::string& path);  // below an open directory

// The whole of a file; nothing when it does not exist. What is no regular file, or a link, is an error, and
// never waited for: a FIFO has no writer here.
std::optional<std::string> read_regular_if_exists(int dir_fd, const std::string& path, std::size_t most);

bool exists(const std::string& path);
bool is_directory(const std::string& path);  // or a link to one

// 16 digits that nobody else has.
std::string random_name();

// ROOT/name, made when it is not there.
std::string make_folder(const std::string& root, std::string_view name);

bool is_generation(std::string_view text);

// What a reference says of the bundle that uses a generation: its folder, and the file system that this is on
// where that has an identity which lasts; behind a NUL byte.
struct BundlePlace {
  std::string directory, file_system;

  static BundlePlace of(const std::string& directory);
  static BundlePlace parse(std::string_view text);
  std::string text() const;
  // For certain. A disk that is not mounted just now, or a server that does not answer, is no reason to think
  // so.
  bool is_gone() const;
};

}  // namespace rocker::store_folders
