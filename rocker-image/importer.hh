// An archive becomes an image of the store: whole, or not at all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rocker-image/attributes.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/hash.hh"
#include "rocker-image/layout.hh"
#include "rocker-image/store.hh"

namespace rocker {

class Progress;

// Called with the digest of the input, before any image is there; throws when it is not the right one.
using DigestCheck = std::function<void(const Sha256::Digest&)>;

struct ImportOptions {
  std::string input;                         // a file, "-" for standard input, or a directory
  std::optional<spec::Reference> reference;  // without: the archive's own name
  bool tag_given = false;                    // the reference's tag is more than the default
  ExtractOptions extract;
  bool manifest = true;
  bool no_end_marker = false;
  bool own_everything = false;  // --chown-to-self

  enum class As { whatever, rootfs, docker, oci };
  As as = As::whatever;
  Platform platform = Platform::of_this_machine();
  bool platform_given = false;
  bool all = false;      // every image of an archive, by each of its names
  std::string selected;  // the one with this name or tag

  std::function<void(spec::ImageConfig&)> change;  // --change
  std::string message;                             // --message
  DigestCheck check_digest;
  Progress* progress = nullptr;
};

struct Imported {
  spec::ImageRecord record;
  Tally tally;
  std::string advice;  // something that the user may not have meant; empty when there is nothing to say
};

// Throws Error; the store is as it was then. With `all`, too: every image is extracted before the first gets
// its name. Should one of the renames fail after that, the error says what is there already.
std::vector<Imported> import_archive(const Store& store, const ImportOptions& options);

// Asks a running import to give up and clean up: for a signal's handler.
void interrupt_import();

}  // namespace rocker
