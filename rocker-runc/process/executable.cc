#include "rocker-runc/process/executable.hh"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdint>

#include "spec/support/str.hh"

namespace rocker::process {

namespace {

// Numbers of either byte order and width out of untrusted bytes.
struct Reader {
  const std::string& bytes;
  bool little;
  std::uint64_t at(std::size_t offset, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t index = offset + (little ? size - 1 - i : i);
      value = value << 8 | (index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0);
    }
    return value;
  }
};

}  // namespace

std::string machine_name(unsigned machine, bool wide, bool little) {
  struct Machine {
    unsigned number;
    std::string_view name;
  };
  static constexpr std::array<Machine, 16> machines{{{EM_386, "x86 (i386)"},
                                                     {EM_X86_64, "x86-64"},
                                                     {EM_ARM, "ARM"},
                                                     {EM_AARCH64, "AArch64 (arm64)"},
                                                     {EM_RISCV, "RISC-V"},
                                                     {EM_PPC, "PowerPC"},
                                                     {EM_PPC64, "PowerPC 64"},
                                                     {EM_S390, "s390"},
                                                     {EM_MIPS, "MIPS"},
                                                     {258, "LoongArch"},
                                                     {EM_SPARC, "SPARC"},
                                                     {EM_SPARCV9, "SPARC 64"},
                                                     {EM_68K, "m68k"},
                                                     {EM_SH, "SuperH"},
                                                     {EM_PARISC, "PA-RISC"},
                                                     {EM_ALPHA, "Alpha"}}};
  for (const Machine& entry : machines) {
    if (entry.number != machine) continue;
    if (machine == EM_X86_64 && !wide) return "x32 (x86-64 with 32-bit pointers)";
    std::string name(entry.name);
    if (machine == EM_RISCV) name += wide ? " 64" : " 32";
    if (machine == EM_PPC64 && little) name += " little-endian";
    if (machine == EM_S390 && wide) name += "x";
    if (machine == EM_MIPS) name += cat(wide ? " 64" : " 32", little ? " little-endian" : " big-endian");
    return name;
  }
  return cat("machine ", machine);
}

std::string own_machine() {
#if defined(__x86_64__)
  return machine_name(EM_X86_64, sizeof(void*) == 8, true);
#elif defined(__i386__)
  return machine_name(EM_386, false, true);
#elif defined(__aarch64__)
  return machine_name(EM_AARCH64, true, true);
#elif defined(__arm__)
  return machine_name(EM_ARM, false, true);
#elif defined(__riscv)
  return machine_name(EM_RISCV, sizeof(void*) == 8, true);
#elif defined(__powerpc64__)
  return machine_name(EM_PPC64, true, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
#elif defined(__s390x__)
  return machine_name(EM_S390, true, false);
#elif defined(__mips__)
  return machine_name(EM_MIPS, sizeof(void*) == 8, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
#elif defined(__loongarch__)
  return machine_name(258, true, true);
#else
  return "another";
#endif
}

Head read_head(const std::string& path) {
  Head head;
  struct stat st {};
  // Opening a device or a FIFO could do something.
  if (::stat(path.c_str(), &st) < 0 || !S_ISREG(st.st_mode)) return head;
  head.fd.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!head.fd) return head;
  head.bytes.resize(256);
  const ssize_t got = ::pread(head.fd.get(), head.bytes.data(), head.bytes.size(), 0);
  head.readable = got >= 0;
  head.bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return head;
}

std::optional<Elf> parse_elf(const Head& head) {
  if (!head.bytes.starts_with(ELFMAG)) return std::nullopt;
  Elf elf;
  elf.broken = head.bytes.size() < sizeof(Elf32_Ehdr);
  if (elf.broken) return elf;
  elf.wide = head.bytes[EI_CLASS] == ELFCLASS64;
  elf.little = head.bytes[EI_DATA] == ELFDATA2LSB;
  elf.broken = elf.wide && head.bytes.size() < sizeof(Elf64_Ehdr);
  const Reader header{head.bytes, elf.little};
  const auto type = header.at(16, 2);
  elf.program = type == ET_EXEC || type == ET_DYN;
  elf.machine = static_cast<unsigned>(header.at(18, 2));

  const std::uint64_t offset = elf.wide ? header.at(32, 8) : header.at(28, 4);
  const std::uint64_t size = header.at(elf.wide ? 54 : 42, 2);
  const std::uint64_t count = header.at(elf.wide ? 56 : 44, 2);
  if (size < (elf.wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || size * count > 65536 || offset > INT_MAX)
    return elf;
  std::string table(static_cast<std::size_t>(size * count), '\0');
  if (::pread(head.fd.get(), table.data(), table.size(), static_cast<off_t>(offset)) !=
      static_cast<ssize_t>(table.size())) {
    elf.broken = true;
    return elf;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const Reader entry{table, elf.little};
    const std::size_t base = static_cast<std::size_t>(i * size);
    if (entry.at(base, 4) != PT_INTERP) continue;
    const std::uint64_t at = elf.wide ? entry.at(base + 8, 8) : entry.at(base + 4, 4);
    const std::uint64_t length = elf.wide ? entry.at(base + 32, 8) : entry.at(base + 16, 4);
    if (at > INT_MAX || length < 2 || length > PATH_MAX) break;
    std::string name(static_cast<std::size_t>(length), '\0');
    const ssize_t got = ::pread(head.fd.get(), name.data(), name.size(), static_cast<off_t>(at));
    if (got > 0) elf.interpreter = name.substr(0, name.find('\0'));
    break;
  }
  return elf;
}

std::optional<std::string> parse_shebang(const Head& head) {
  if (!head.bytes.starts_with("#!")) return std::nullopt;
  std::string_view line = std::string_view(head.bytes).substr(2);
  line = line.substr(0, line.find('\n'));
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

}  // namespace rocker::process
