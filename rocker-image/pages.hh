// A large piece of memory that is filled again and again.
#pragma once

#include <cstddef>

namespace rocker {

// A mapping of its own, in huge pages where the kernel has them: to touch a page for the first time costs as
// much as to fill it several times over, most of all in a virtual machine without hardware support for
// paging, and a huge page is 512 of them at once. Zeroed. Throws std::bad_alloc.
class Pages {
 public:
  explicit Pages(std::size_t size);  // bytes
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  char* data() const { return data_; }

 private:
  void* mapping_;
  std::size_t mapped_;  // bytes
  char* data_;
};

}  // namespace rocker
