#include "rocker-runc/rootfs/libmount.hh"

#include <dlfcn.h>
#include <libmount/libmount.h>

#include <algorithm>
#include <string_view>

namespace rocker::rootfs {

namespace {

// What package tools and `readelf --notes` show: this program would like to load libmount (systemd's
// convention, https://systemd.io/ELF_DLOPEN_METADATA/).
constexpr char dlopen_note_text[] =
    R"([{"feature":"mount-options","description":"Options that mount(8) keeps for itself","priority":"suggested","soname":["libmount.so.1"]}])";

struct DlopenNote {
  std::uint32_t name_size = 4;
  std::uint32_t text_size = sizeof dlopen_note_text;
  std::uint32_t type = 0x407c0c0a;
  char name[4] = {'F', 'D', 'O', 0};
  alignas(4) char text[(sizeof dlopen_note_text + 3) / 4 * 4] = {};

  constexpr DlopenNote() { std::copy(std::begin(dlopen_note_text), std::end(dlopen_note_text), text); }
};
[[gnu::used, gnu::retain, gnu::section(".note.dlopen")]] constexpr DlopenNote dlopen_note;

struct Library {
  const libmnt_optmap* userspace = nullptr;

  Library() {
    void* handle = ::dlopen("libmount.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return;
    const auto builtin =
        reinterpret_cast<decltype(&mnt_get_builtin_optmap)>(::dlsym(handle, "mnt_get_builtin_optmap"));
    if (builtin != nullptr) userspace = builtin(MNT_USERSPACE_MAP);
  }
};

}  // namespace

bool is_userspace_option(const std::string& option) {
  if (option.starts_with("x-") || option.starts_with("X-")) return true;
  const auto equals = option.find('=');
  if (equals != std::string::npos && !option.starts_with("comment=")) return false;
  constexpr std::string_view common[] = {"newinstance", "none", "xattr", "nsdelegate",
                                         "memory_recursiveprot"};
  if (std::find(std::begin(common), std::end(common), option) != std::end(common)) return false;
  static const Library library;
  // The names of the map are "noauto", "comment=" and "user[=]", where "=" stands for a value.
  for (const auto* entry = library.userspace; entry != nullptr && entry->name != nullptr; ++entry) {
    const std::string_view name(entry->name);
    if (name.substr(0, name.find_first_of("[=")) == std::string_view(option).substr(0, equals)) return true;
  }
  return false;
}

}  // namespace rocker::rootfs
