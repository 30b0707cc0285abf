// linux.resources.hugepageLimits (config-linux.md, "Huge page limits"), the same on v1 and v2 but for the
// files' names.
#include <dirent.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "rocker-runc/cgroup/group.hh"
#include "rocker-runc/cgroup/resources.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// "2MB, 1GB": what this kernel has, in the words of the files.
std::string page_sizes() {
  std::string sizes;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/sys/kernel/mm/hugepages"), ::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    // "hugepages-2048kB"
    const std::string_view name = entry->d_name;
    if (!name.starts_with("hugepages-")) continue;
    unsigned long long kilobytes = std::strtoull(entry->d_name + 10, nullptr, 10);
    const char* unit = "KB";
    for (const char* next : {"MB", "GB"}) {
      if (kilobytes % 1024 != 0) break;
      kilobytes /= 1024;
      unit = next;
    }
    sizes += cat(sizes.empty() ? "" : ", ", kilobytes, unit);
  }
  return sizes;
}

}  // namespace

void set_hugepages(const Group& group, const std::vector<spec::HugepageLimit>& limits,
                   std::string_view file) {
  for (const auto& h : limits) {
    const std::string value = std::to_string(h.limit);
    const std::string name = cat("hugetlb.", h.page_size, ".", file);
    if (const int why = group.try_write(name, value); why == ENOENT) {
      throw Error(cat("/linux/resources/hugepageLimits: this kernel has no pages of ", h.page_size), ENOENT)
          .hint(cat("it has ", page_sizes()));
    } else if (why != 0) {
      throw group.write_error(name, value, why);
    }
    // Reservations are of Linux 5.7. "If supported", says config-linux.md.
    const std::string reserved = cat("hugetlb.", h.page_size, ".rsvd.", file);
    if (const int why = group.try_write(reserved, value); why != 0 && why != ENOENT) {
      throw group.write_error(reserved, value, why);
    }
  }
}

}  // namespace rocker::cgroup
