// The two ends of a copy, and how a path at either is read.
#pragma once

#include <string>

#include "spec/support/fd.hh"

namespace rocker::verbs {

// One end of a copy: a path below a root, the host's own or a container's.
struct Place {
  std::string text;  // for messages
  std::string path;
  int root = -1;
  bool stream = false;  // "-"
  bool in_container = false;
  int user_namespace = -1;  // of a container with users of its own (see Inside)
};

// Where the source is, which name it has there, and which one the copy has: "." for the contents of a folder.
struct Source {
  UniqueFd directory;
  std::string name, as;
  bool is_directory = false;
};

// A link is copied as such, unless links are followed or a slash behind it asks for the folder that it leads
// to. What is followed keeps the link's name.
Source find_source(const Place& place, bool follow);

struct Destination {
  UniqueFd folder;
  std::string name;  // that the copy gets in it
};

// docker's rules for the destination: a folder that is there takes the source into it (or, for "DIR/.", what
// is in it); else the last part is the new name, and its parent has to be there. A link is written through.
Destination find_destination(const Place& place, const Source& source);

// In docker's words, which scripts look for.
void refuse_read_only(const Place& place, int fd);

}  // namespace rocker::verbs
