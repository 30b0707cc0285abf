// Images: references, IDs and image.json (spec/README.md, "The image store").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rocker::spec {

// NAME[:TAG]. NAME is [HOST[:PORT]/]path/of/lower-case/components, TAG [A-Za-z0-9_][A-Za-z0-9._-]{0,127}, as in the
// OCI distribution grammar.
struct Reference {
  std::string name;
  std::string tag = "latest";

  // Throws Error that says which part is wrong and what is allowed. Nothing has been written by then.
  static Reference parse(std::string_view text);

  std::string text() const;       // "NAME:TAG"
  std::string directory() const;  // NAME as one folder: "/" is "%2F"
  // The image's ID: SipHash-1-3 with both keys zero over "NAME:TAG" and 0xFF, as %012x, the first 12 characters.
  std::string id() const;

  bool operator==(const Reference&) const = default;
};

// The NAME that a folder of the store stands for; the inverse of Reference::directory().
std::string name_of_directory(std::string_view directory);

// How tables and messages show an ID: its first 8 characters.
std::string short_id(std::string_view id);

}  // namespace rocker::spec
