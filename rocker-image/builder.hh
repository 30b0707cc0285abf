// One image in the making: a folder of the store's tmp/, and what fills it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rocker-image/archive.hh"
#include "rocker-image/content.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/importer.hh"
#include "rocker-image/source.hh"
#include "rocker-image/store.hh"
#include "rocker-image/stream.hh"
#include "spec/support/fd.hh"

namespace rocker {

class Builder {
 public:
  Builder(const Store& store, const ImportOptions& options, Cancel& cancel)
      : Builder(store, options, options.extract, cancel) {}
  // With other options for the extraction.
  Builder(const Store& store, const ImportOptions& options, const ExtractOptions& extract, Cancel& cancel);

  // The rootfs so far.
  int root() const { return root_.get(); }
  bool whole() const { return extractor_.whole(); }  // ExtractOptions::whole_if
  unsigned top() const { return extractor_.top(); }
  bool excludes(const std::string& path) { return extractor_.excludes(path); }
  std::vector<std::string> unmatched() const { return extractor_.unmatched(); }

  struct Applied {
    Stream::Digests digests;
    std::string format;  // "tar" or "cpio"
  };
  // An archive's entries. As a layer, its whiteouts are carried out, and it may be empty.
  Applied apply(FileSource& file, const std::string& name, bool layer);
  // The same from another source of entries.
  void apply(EntrySource& source);
  // Everything that another one has extracted, as far as the options let it; the other one is used up.
  void apply_spool(Builder& spool);

  // An image that lacks only its place.
  struct Finished {
    Staging staging;
    Imported imported;
  };
  // Gives the directories their attributes, adds up, and writes image.json from record, of which name, tag,
  // source, config and history are set. Nothing can be applied after that.
  Finished finish(spec::ImageRecord record);
  // The same, and then the image is there.
  Imported commit(spec::ImageRecord record);

 private:
  const Store& store_;
  const ImportOptions& options_;
  Cancel& cancel_;
  Ownership ownership_;
  Staging staging_;
  UniqueFd root_;
  ContentWriter content_;
  Extractor extractor_;
  Tally spool_tally_;
};

}  // namespace rocker
