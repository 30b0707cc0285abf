#include "rocker-image/archive_index.hh"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <memory>

#include "rocker-image/extract.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

constexpr int most_links = 16;
// A layout has some dozens of members.
constexpr std::size_t most_members = 1'000'000;

std::string clean(std::string_view path) {
  return join(safe_components(path), "/");
}

// What a relative link in `from` leads to.
std::string resolve_link(const std::string& from, const std::string& target) {
  if (target.starts_with('/')) return clean(target);
  const auto slash = from.rfind('/');
  return clean(cat(slash == std::string::npos ? std::string() : from.substr(0, slash + 1), target));
}

}  // namespace

ArchiveIndex::ArchiveIndex(int fd) {
  if (::lseek(fd, 0, SEEK_SET) < 0) throw system_error("seek");
  struct Free {
    void operator()(archive* a) const { ::archive_read_free(a); }
  };
  const std::unique_ptr<archive, Free> reader(::archive_read_new());
  if (!reader) throw std::bad_alloc();
  ::archive_read_support_filter_none(reader.get());
  ::archive_read_support_format_tar(reader.get());
  const auto fail = [&] {
    const char* text = ::archive_error_string(reader.get());
    return Error(cat(text != nullptr ? text : "is not a tar archive"));
  };
  if (::archive_read_open_fd(reader.get(), fd, std::size_t{64} << 10) != ARCHIVE_OK) throw fail();
  archive_entry* entry = nullptr;
  for (;;) {
    const int status = ::archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) throw fail();
    const char* name = ::archive_entry_pathname(entry);
    if (name == nullptr) throw Error("an entry has no name");
    if (members_.size() > most_members) throw Error(cat("has more than ", most_members, " entries"));
    const std::string path = clean(name);
    Member member;
    if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
      member.link = clean(target);
      // A name that was given to tar twice: the file is there already.
      if (member.link == path) continue;
    } else if (::archive_entry_filetype(entry) == AE_IFLNK) {
      const char* link = ::archive_entry_symlink(entry);
      if (link == nullptr) throw Error(cat("entry \"", printable(path), "\": is a link without a target"));
      member.link = resolve_link(path, link);
    } else if (::archive_entry_filetype(entry) == AE_IFREG) {
      has_sparse_ = has_sparse_ || ::archive_entry_sparse_count(entry) > 0;
      member.range = {static_cast<std::uint64_t>(::archive_filter_bytes(reader.get(), 0)),
                      static_cast<std::uint64_t>(::archive_entry_size(entry))};
    } else {
      continue;
    }
    members_[path] = std::move(member);
  }
}

std::optional<ArchiveIndex::Range> ArchiveIndex::find(const std::string& path) const {
  std::string wanted = clean(path);
  for (int links = 0; links <= most_links; ++links) {
    const auto found = members_.find(wanted);
    if (found == members_.end()) return std::nullopt;
    if (found->second.link.empty()) return found->second.range;
    wanted = found->second.link;
  }
  throw Error(cat("\"", printable(path), "\": its links lead in a circle"), ELOOP);
}

}  // namespace rocker
