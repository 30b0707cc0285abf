// The last pass of an import over what it has made.
#pragma once

#include <cstdint>

#include "rocker-image/content.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/manifest_writer.hh"

namespace rocker {

struct TreeTotals {
  std::uint64_t entries = 0;     // without the root
  std::uint64_t size = 0;        // st_size of all that is no directory, each name counted
  std::uint64_t disk_usage = 0;  // bytes of blocks, each inode once
};

// Gives the directories of the extractor their owners, modes and times, deepest first; adds up; writes the
// manifest when there is one.
TreeTotals finish_tree(int root_fd, const Extractor& extractor, FileTable& files, const Ownership& ownership,
                       ManifestWriter* manifest, Tally& tally);

// The totals of a tree that is there already.
TreeTotals count_tree(int root_fd);

}  // namespace rocker
