// The whole import path on bytes of anybody's making: no crash, no leak, no hang, and nothing outside the
// store.
//
// The first byte chooses: an import as the command does it, or two layers on top of each other (what follows
// is cut in half). Each run is locked into a chroot, where all that an archive can reach is looked at
// afterwards.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#include "rocker-image/builder.hh"
#include "rocker-image/importer.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"

using namespace rocker;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

[[noreturn]] void broken(const char* what) {
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

std::set<std::string> names_in(const char* path) {
  std::set<std::string> names;
  DIR* dir = ::opendir(path);
  if (dir == nullptr) broken("a folder is gone");
  while (const dirent* entry = ::readdir(dir)) names.insert(entry->d_name);
  ::closedir(dir);
  return names;
}

constexpr char canary[] = "untouched\n";

// What an archive that gets out would meet.
void check_surroundings() {
  static const std::set<std::string> top{".", "..", "canary", "store", "tmp", "etc"};
  if (names_in("/") != top) broken("something was made beside the store");
  if (names_in("/tmp").size() != 2 || names_in("/etc").size() != 3) broken("something was made outside");
  for (const char* path : {"/canary", "/etc/passwd"}) {
    struct stat st {};
    if (::lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0600 ||
        st.st_uid != ::geteuid() || st.st_nlink != 1 || read_file(path, 100) != canary) {
      broken("a file outside was changed");
    }
  }
}

// A memfd as the input; the size says whether it looks like a file that can be read in any order.
UniqueFd file_of(const uint8_t* data, size_t size) {
  UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  write_all(fd.get(), {reinterpret_cast<const char*>(data), size}, "input");
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

void two_layers(const Store& store, const ImportOptions& options, const uint8_t* data, size_t size) {
  Cancel cancel;
  Builder builder(store, options, cancel);
  // Each half is an archive of its own: at a block's boundary, so that mutations of one keep the other.
  const size_t half = size / 1024 * 512;
  for (const auto& [start, length] : {std::pair{size_t{0}, half}, std::pair{half, size - half}}) {
    const UniqueFd fd = file_of(data + start, length);
    FileSource file(fd.get(), "layer", &cancel);
    (void)builder.apply(file, "layer", true);
  }
  spec::ImageRecord record;
  record.name = "fuzz";
  record.tag = "latest";
  (void)builder.commit(record);
}

}  // namespace

namespace {

std::string jail;

void run(const uint8_t* data, size_t size) {
  // A thread can have a root of its own; libFuzzer keeps the host's, for its corpus.
  if (::unshare(CLONE_FS) < 0 || ::chroot(jail.c_str()) < 0 || ::chdir("/") < 0) {
    broken("the fuzzer needs root, to lock itself in");
  }
  const Store store("/store");
  ImportOptions options;
  options.reference = spec::Reference{"fuzz", "latest"};
  // A bomb is not what is looked for here.
  options.extract.max_size = 64 << 20;
  options.extract.max_entries = 2000;
  options.no_end_marker = (data[0] & 2) != 0;
  options.extract.strip_components = data[0] >> 6;
  try {
    if ((data[0] & 1) != 0) {
      two_layers(store, options, data + 1, size - 1);
    } else {
      // By a descriptor, as nothing outside the chroot has a name.
      const UniqueFd input = file_of(data + 1, size - 1);
      if (::dup2(input.get(), STDIN_FILENO) < 0) broken("dup2");
      options.input = "-";
      (void)import_archive(store, options);
    }
  } catch (const Error&) {
    // Refused, in one line. The store has nothing half made.
  }
  // What was replaced may still be on its way out (trash-*); what was being made must not be there.
  for (const auto& name : names_in("/store/tmp")) {
    if (name.starts_with("import-")) broken("an import left something in the store's tmp");
  }
  check_surroundings();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("FUZZ_FOLDER");
  std::string path = std::string(folder != nullptr ? folder : "/dev/shm") + "/rocker-fuzz.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) broken("no folder to work in");
  jail = path;
  // The locale's files are outside of what the runs can see.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) broken("no locale C.UTF-8");
  for (const char* dir : {"/store", "/store/tmp", "/tmp", "/etc"}) ::mkdir((jail + dir).c_str(), 0700);
  for (const char* name : {"/canary", "/etc/passwd"}) {
    write_all(open_path(jail + name, O_WRONLY | O_CREAT, 0600).get(), canary, name);
  }
  log::set_level(log::Level::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size != 0) std::thread([&] { run(data, size); }).join();
  return 0;
}

// A tar's header is protected by a sum, which a mutation breaks nearly always: mend it, so that what is
// behind is reached.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned) {
  size = LLVMFuzzerMutate(data, size, max_size);
  for (size_t at = 1; at + 512 <= size; at += 512) {
    uint8_t* block = data + at;
    if (std::memcmp(block + 257, "ustar", 5) != 0) continue;
    std::memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; ++i) sum += block[i];
    std::snprintf(reinterpret_cast<char*>(block + 148), 8, "%06o", sum);
  }
  return size;
}
