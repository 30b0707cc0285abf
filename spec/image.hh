// Images: references, IDs and image.json (spec/README.md, "The image store").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/json.hh"

namespace rocker::spec {

// NAME[:TAG]. NAME is [HOST[:PORT]/]path/of/lower-case/components, TAG [A-Za-z0-9_][A-Za-z0-9._-]{0,127}, as
// in the OCI distribution grammar.
struct Reference {
  std::string name;
  std::string tag = "latest";

  // Throws Error that says which part is wrong and what is allowed. Nothing has been written by then.
  static Reference parse(std::string_view text);

  std::string text() const;       // "NAME:TAG"
  std::string directory() const;  // NAME as one folder: "/" is "%2F"
  // The image's ID: SipHash-1-3 with both keys zero over "NAME:TAG" and 0xFF, as %012x, the first 12
  // characters.
  std::string id() const;

  bool operator==(const Reference&) const = default;
};

// The NAME that a folder of the store stands for; the inverse of Reference::directory().
std::string name_of_directory(std::string_view directory);

// How tables and messages show an ID: its first 8 characters.
std::string short_id(std::string_view id);

// How an image tells whether a container of it is well: docker's "Healthcheck" (moby image spec v1.2), which
// image-spec config.md keeps the name for. Times in nanoseconds; 0 is the default of who runs it.
struct ImageHealth {
  std::vector<std::string> test;  // {"CMD", ARG...}, {"CMD-SHELL", LINE}, {"NONE"}, or nothing
  std::int64_t interval = 0, timeout = 0, start_period = 0;
  std::int64_t retries = 0;

  bool operator==(const ImageHealth&) const = default;
};

// What the image says about how it wants to be run: the "config" of an OCI image (image-spec config.md,
// "config"). Members that are maps from a name to an empty object there are lists of the names here.
struct ImageConfig {
  std::string user;
  std::vector<std::string> exposed_ports;
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  ImageHealth health;

  bool operator==(const ImageConfig&) const = default;
};

// image-spec config.md, "history"
struct ImageHistory {
  std::string created;  // RFC 3339
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;

  bool operator==(const ImageHistory&) const = default;
};

// Where an image came from.
struct ImageSource {
  std::string path;                   // as it was given; "-" for standard input
  std::string format;                 // "tar", "cpio", "directory", "docker", "oci"
  std::string digest;                 // of the input as given, compressed or not: "sha256:..."
  std::vector<std::string> diff_ids;  // of the uncompressed tar, or of each layer's

  bool operator==(const ImageSource&) const = default;
};

// image.json. Name, tag, id, size and created_time are there in every one; a member that is missing has its
// default, and one that this reader does not know is ignored.
struct ImageRecord {
  std::string name;
  std::string tag;
  std::string id;
  // The sum of st_size of all that is no directory, each hard link by name, symbolic links not followed.
  std::uint64_t size = 0;
  std::string created_time;  // local time, "2026-01-14 17:07:17"; of who reads it, where created_ns is known
  std::int64_t created_ns = 0;  // the same in nanoseconds since the epoch; in the file as RFC 3339 in UTC
  std::string generation;       // which import it was; see Store::use
  std::string os = "linux";
  std::string architecture;  // as Go and OCI name it: "amd64"
  std::string variant;
  std::uint64_t entries = 0;     // of the rootfs
  std::uint64_t disk_usage = 0;  // bytes that its files take up on the disk, each inode once
  ImageSource source;
  ImageConfig config;
  std::vector<ImageHistory> history;

  Reference reference() const { return {name, tag}; }
};

// Throws Error that names the member. The five members that every image.json has are required.
ImageRecord parse_image_record(std::string text, std::string file_name);
std::string write_image_record(const ImageRecord& record);
// What a list shows of an image, in a fraction of the time. Nothing when it can't be had that simply:
// parse_image_record() has the rest, or says what is wrong.
struct ImageHead {
  std::uint64_t size = 0;       // as in ImageRecord
  std::int64_t created_ns = 0;  // as well; not 0
};
std::optional<ImageHead> parse_image_head(const char* text);  // ends with a NUL

// The "config" object of an OCI image, as image.json and an image's own configuration have it.
void read(const json::Value& v, ImageConfig& out);
void read(const json::Value& v, ImageHistory& out);
void write(json::Writer& w, const ImageConfig& config);
void write(json::Writer& w, const std::vector<ImageHistory>& history);

// A moment as image.json has it: local time, and RFC 3339 in UTC with nanoseconds.
std::string local_time(std::int64_t ns);
std::string utc_time(std::int64_t ns);
// The inverse of utc_time; also takes fewer digits and an offset. False when it is no such time.
bool parse_utc_time(std::string_view text, std::int64_t& ns);

// This machine as OCI names it: "amd64", "arm64", "386", ...; the kernel's own name when OCI has none.
std::string machine_architecture();

}  // namespace rocker::spec
