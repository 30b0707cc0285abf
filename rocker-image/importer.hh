// An archive becomes an image of the store: whole, or not at all.
#pragma once

#include <optional>
#include <string>

#include "rocker-image/attributes.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/store.hh"

namespace rocker {

struct ImportOptions {
  std::string input;  // a file, "-" for standard input, or a directory
  spec::Reference reference;
  ExtractOptions extract;
  bool manifest = true;
  bool no_end_marker = false;
};

struct Imported {
  spec::ImageRecord record;
  Tally tally;
};

// Throws Error; the store is as it was then.
Imported import_archive(const Store& store, const ImportOptions& options);

}  // namespace rocker
