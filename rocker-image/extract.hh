// Entries become files below a directory that nothing can leave: parents are resolved inside it by the kernel
// (openat2, RESOLVE_IN_ROOT) and used as descriptors, the last component of a name is never followed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "rocker-image/archive.hh"
#include "rocker-image/attributes.hh"
#include "rocker-image/content.hh"
#include "rocker-image/inode_set.hh"
#include "rocker-image/source.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"

namespace rocker {

struct ExtractOptions {
  unsigned strip_components = 0;
  std::vector<std::string> exclude;  // fnmatch(3) patterns, as tar's --exclude
  // Asked with the top of the first name: true is the whole archive, whatever the two above say.
  std::function<bool(std::string_view top)> whole_if;
  bool no_devices = false;
  // What was there before is somebody's: a directory makes way for no file, a file for no directory, and what
  // is mounted for neither.
  bool keep_kinds = false;
  // Against bombs. Far above what any root file system has.
  std::uint64_t max_size = std::uint64_t{256} << 30;
  std::uint64_t max_entries = 20'000'000;
};

// By its inode; of a directory that comes twice, or an inode that is used again, the later one counts. A
// directory's attributes wait until all that is in it was made: what is made changes its times, and it may be
// one that nobody can write to.
struct DirectoryRecord {
  // Below the root or, of what was there before the first entry, below that.
  struct Depth {
    unsigned levels = 0;          // 1 for what is in the root
    std::size_t path_length = 0;  // of its path from there, no link in it
  };
  Attributes attributes;
  Depth depth;
};
using DirectoryRecords = std::unordered_map<std::uint64_t, DirectoryRecord>;

class Extractor {
 public:
  // content and cancel are borrowed.
  Extractor(int root_fd, const Ownership& ownership, ExtractOptions options, ContentWriter& content,
            const Cancel& cancel);

  // Every entry of a source, until cancelled. With `layer`, whiteouts take away what the layers below have
  // put there (image-spec layer.md, "Whiteouts"); without, ".wh.x" is a file like any other.
  void extract(EntrySource& source, bool layer);

  // After the last layer.
  const DirectoryRecords& directories() const { return directories_; }
  const Tally& tally() const { return tally_; }
  // What may have xattrs and is no directory.
  const InodeSet& with_xattrs() const { return with_xattrs_; }
  // What has got a second name.
  const InodeSet& hard_linked() const { return hard_linked_; }
  std::uint64_t entries() const { return entries_; }
  // Whether that is for one of `exclude`, which counts: of a source that can leave it out itself.
  bool excludes(const std::string& path);
  // What whole_if said.
  bool whole() const { return whole_; }
  // What of `exclude` was for nothing so far, as it was given.
  std::vector<std::string> unmatched() const;
  // The strip_components that would make the first name's top the root; 0 when there was no name.
  unsigned top() const { return top_; }
  // What comes was extracted by another one, and has lost the "./" of its names there.
  void names_as_of(const Extractor& spool);

 private:
  struct Directory {
    UniqueFd fd;
    std::uint64_t inode = 0;
  };
  using Depth = DirectoryRecord::Depth;
  using Path = std::vector<std::string>;
  struct Pending {
    std::string target;
    std::uint64_t place = 0;
  };
  using PendingLinks = std::map<std::string, Pending>;

  void add(const Entry& entry, EntrySource& source, bool layer);
  struct Pattern {
    std::string given, text;
    bool at_top = false, matched = false;
  };
  static std::vector<Pattern> patterns_of(const std::vector<std::string>& texts);
  static bool matches(const Pattern& pattern, const std::string& path);
  bool left_out(const std::string& path);
  std::optional<Path> stripped(std::string_view name) const;
  void note_top(std::string_view name);

  const Directory& parent_of(const Path& path);
  const Directory& directory_at(const Path& path, std::size_t count);
  Directory make_parents(const std::string& path);
  static void refuse_other_kind(const Directory& parent, const std::string& name, bool directory);
  Depth depth_in(std::uint64_t parent, std::string_view name) const;
  void clear_name(const Directory& parent, const std::string& name, bool keep_directory);
  void note_directory(std::uint64_t inode, const Attributes& attributes, const Depth& depth);
  void note_placed(const Directory& parent, const std::string& name);
  static std::uint64_t inode_of(int fd);
  static std::uint64_t place(std::uint64_t directory, const std::string& name);

  void add_directory(const Directory& parent, const std::string& name, const Entry& entry);
  void add_file(const Directory& parent, const std::string& name, const Entry& entry, EntrySource& source);
  void add_symlink(const Directory& parent, const std::string& name, const Entry& entry);
  void add_node(const Directory& parent, const std::string& name, const Entry& entry);
  void add_hardlink(const Path& path, const Entry& entry, EntrySource& source);
  bool make_hardlink(const Directory& parent, const std::string& name, const Path& target,
                     std::uint64_t* waits_for = nullptr);
  void put_off_hardlink(const std::string& path, const std::string& target, std::uint64_t place);
  PendingLinks::iterator forget_pending(PendingLinks::iterator link);
  void supersede_pending(const Directory& parent, const Path& path, bool is_directory);
  void copy_content(ContentWriter::File& file, EntrySource& source);
  void link_pending();

  bool whiteout(const Path& path);
  void make_opaque(const Path& directory);
  void remove_lower(UniqueFd dir, std::uint64_t inode);

  int root_;
  Ownership ownership_;
  ExtractOptions options_;
  ContentWriter& content_;
  const Cancel& cancel_;
  Tally tally_;
  std::uint64_t entries_ = 0, size_ = 0;
  bool whole_ = false;
  unsigned top_ = 0, dots_ = 0;
  std::vector<Pattern> patterns_;
  DirectoryRecords directories_;
  InodeSet with_xattrs_, hard_linked_{65536};
  std::size_t waiting_xattrs_ = 0;  // bytes in them

  // Directories that were looked up. Making a name that was not there can't change where a path leads; taking
  // one away can, and empties this.
  std::unordered_map<std::string, Directory> open_;
  const std::size_t most_open_ = share_of_descriptors(128);
  decltype(open_) in_use_;  // by an entry that has emptied it

  // Hard links whose target has not come yet, by their path, and by their place().
  PendingLinks pending_;
  std::unordered_map<std::uint64_t, PendingLinks::iterator> pending_places_;
  std::size_t pending_bytes_ = 0;

  // The names that this layer has put somewhere, hashed with their directory: an opaque marker that comes
  // after them must not take them away. Empty in the lowest layer, below which there is nothing.
  std::unordered_set<std::uint64_t> placed_;
  bool lowest_ = true;
};

// The components of an archive's name, without "." and "": they never lead above the root. Throws when one
// does.
std::vector<std::string> safe_components(std::string_view name);

// The first `count` of them, with slashes between.
std::string join_path(const std::vector<std::string>& path, std::size_t count);

}  // namespace rocker
