#include "rocker-image/pages.hh"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace rocker {

static constexpr std::size_t huge = std::size_t{2} << 20;  // x86-64's; elsewhere it is an alignment like any

Pages::Pages(std::size_t size)
    : mapping_(::mmap(nullptr, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
      mapped_(size + huge) {
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  const auto start = reinterpret_cast<std::uintptr_t>(mapping_);
  data_ = static_cast<char*>(mapping_) + ((start + huge - 1) / huge * huge - start);
  // A kernel that has no huge pages says so; small ones do as well.
  ::madvise(data_, size, MADV_HUGEPAGE);
}

Pages::~Pages() {
  ::munmap(mapping_, mapped_);
}

}  // namespace rocker
