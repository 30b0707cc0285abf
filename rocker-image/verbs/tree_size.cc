#include "rocker-image/verbs/tree_size.hh"

#include <fts.h>
#include <sys/stat.h>

#include <memory>

namespace rocker::verbs {

std::uint64_t tree_size(const std::string& path) {
  std::string copy = path;
  char* roots[] = {copy.data(), nullptr};
  const std::unique_ptr<FTS, int (*)(FTS*)> walk(
      ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr), ::fts_close);
  std::uint64_t sum = 0;
  if (!walk) return sum;
  while (const FTSENT* entry = ::fts_read(walk.get())) {
    if (entry->fts_info == FTS_F) sum += static_cast<std::uint64_t>(entry->fts_statp->st_size);
  }
  return sum;
}

}  // namespace rocker::verbs
