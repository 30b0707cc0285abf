// What was wrong with a program (rocker-runc/process/exec.hh): each test makes such a file, lets the kernel
// refuse it and asks why.
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "rocker-runc/process/exec.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

// A folder that is gone with the test.
struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/rocker-exec-test.XXXXXX";
    cr_assert(mkdtemp(name) != nullptr);
    path = name;
    cr_assert(chmod(name, 0755) == 0);
  }
  ~Folder() {
    umount2(cat(path, "/mnt").c_str(), MNT_DETACH);
    const UniqueFd tmp = open_path("/tmp", O_PATH | O_DIRECTORY);
    remove_tree(tmp.get(), path.substr(5));
  }
  std::string file(const std::string& name, const std::string& text, mode_t mode = 0755) const {
    const std::string where = cat(path, "/", name);
    write_all(open_path(where, O_WRONLY | O_CREAT | O_TRUNC, 0644).get(), text, where);
    cr_assert(chmod(where.c_str(), mode) == 0);
    return where;
  }
};

struct Outcome {
  std::string message;
  int status = 0;  // that rocker-runc would exit with
};

// In a child: the user is set, the program looked for and executed as init does it.
Outcome outcome(const std::string& name, uid_t uid = 0, const std::vector<std::string>& env = {}) {
  int ends[2];
  cr_assert(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (uid != 0 && (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)) _exit(98);
    try {
      const std::string program = process::find_program(name, env);
      char* argv[] = {const_cast<char*>("x"), nullptr};
      char* envp[] = {nullptr};
      execve(program.c_str(), argv, envp);
      throw process::explain_exec_failure(program, errno, env);
    } catch (const Error& error) {
      const std::string_view text = error.what();
      if (write(ends[1], text.data(), text.size()) < 0) _exit(97);
      _exit(error.exit_status());
    }
  }
  close(ends[1]);
  Outcome result;
  result.message = read_all(ends[0], "pipe", 65536);
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void expect(const Outcome& got, int status, std::initializer_list<std::string> parts) {
  cr_expect(got.status == status, "expected %d, got %d: %s", status, got.status, got.message.c_str());
  for (const std::string& part : parts) {
    cr_expect(got.message.find(part) != std::string::npos, "\"%s\" is not in: %s", part.c_str(),
              got.message.c_str());
  }
}

// The smallest ELF file that gets as far as its program headers.
std::string elf(unsigned short machine, const std::string& interpreter, unsigned short type = ET_EXEC,
                unsigned char data = ELFDATA2LSB) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = data;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  auto swapped = [&](unsigned short value) {
    return data == ELFDATA2LSB ? value : static_cast<unsigned short>(value << 8 | value >> 8);
  };
  header.e_type = swapped(type);
  header.e_machine = swapped(machine);
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = interpreter.empty() ? 0 : 1;
  if (data != ELFDATA2LSB) header.e_phoff = 0, header.e_phnum = header.e_phentsize = 0;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  if (!interpreter.empty()) {
    Elf64_Phdr segment{};
    segment.p_type = PT_INTERP;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_filesz = segment.p_memsz = interpreter.size() + 1;
    bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
    bytes += interpreter;
    bytes += '\0';
  }
  return bytes;
}

}  // namespace

Test(exec, a_program_is_looked_for_on_the_path_of_its_own_environment) {
  const Folder folder;
  mkdir(cat(folder.path, "/a").c_str(), 0755);
  mkdir(cat(folder.path, "/b").c_str(), 0755);
  mkdir(cat(folder.path, "/a/prog").c_str(), 0755);  // a directory is passed over
  folder.file("b/prog", "x");
  const std::string path = cat("PATH=", folder.path, "/none:", folder.path, "/a:", folder.path, "/b");
  cr_expect(process::find_program("prog", {path, "PATH=/x"}) == cat(folder.path, "/b/prog"));
  cr_expect(process::find_program("./prog", {path}) == "./prog", "with a slash it is a path");
  cr_expect(process::find_program("true", {}).ends_with("bin/true"), "without a PATH there is a default");
}

Test(exec, a_program_on_no_path) {
  const Outcome got = outcome("nope-x", 0, {"PATH=/usr/sbin:/sbin"});
  expect(got, 127,
         {"exec: \"nope-x\": executable file not found in $PATH", "no such file or directory",
          "/usr/sbin:/sbin"});
  expect(outcome("nope-x"), 127, {"process.env has no PATH"});
  expect(outcome(""), 127, {"executable file not found"});
}

Test(exec, a_file_on_the_path_that_is_not_executable) {
  const Folder folder;
  folder.file("prog", "#!/bin/sh\n", 0644);
  expect(outcome("prog", 0, {cat("PATH=", folder.path)}), 126,
         {cat(folder.path, "/prog"), "permission denied", "chmod +x"});
}

Test(exec, a_path_that_is_missing_says_where_it_ends) {
  const Folder folder;
  folder.file("file", "x");
  expect(outcome(cat(folder.path, "/prog")), 127,
         {cat("exec: \"", folder.path, "/prog\": no such file or directory")});
  expect(outcome(cat(folder.path, "/a/b/prog")), 127,
         {"no such file or directory", cat("the directory \"", folder.path, "/a\" does not exist")});
  expect(outcome(cat(folder.path, "/file/prog")), 127,
         {"not a directory", cat("\"", folder.path, "/file\" is not a directory")});
}

Test(exec, links_that_lead_nowhere) {
  const Folder folder;
  cr_assert(symlink("/nowhere/at/all", cat(folder.path, "/link").c_str()) == 0);
  cr_assert(symlink("circle", cat(folder.path, "/circle").c_str()) == 0);
  expect(outcome(cat(folder.path, "/link")), 127,
         {"no such file or directory", "is a symbolic link to \"/nowhere/at/all\", which does not exist"});
  expect(outcome(cat(folder.path, "/circle")), 127,
         {"too many levels of symbolic links", "leads back to itself"});
}

Test(exec, a_script_whose_interpreter_is_missing) {
  const Folder folder;
  expect(
      outcome(folder.file("prog", "#!/bin/nope -x\necho\n")), 127,
      {"no such file or directory", "its interpreter (#!) \"/bin/nope\" is not", "install the interpreter"});
  expect(outcome(folder.file("prog", "#! /opt/x/sh\n")), 127,
         {"\"/opt/x/sh\"", "the directory \"/opt/x\" does not exist"});
  expect(outcome(folder.file("prog", "#!/bin/sh\r\necho\r\n")), 127, {"\"/bin/sh\\x0d\"", "Unix line ends"});
}

Test(exec, a_program_whose_loader_is_missing) {
  const Folder folder;
  expect(outcome(folder.file("prog", elf(EM_X86_64, "/lib/ld-musl-x86_64.so.1"))), 127,
         {"no such file or directory", "its loader (ELF interpreter) \"/lib/ld-musl-x86_64.so.1\" is not",
          "musl"});
}

Test(exec, a_loader_that_is_none) {
  const Folder folder;
  const std::string loader = folder.file("loader", elf(EM_AARCH64, ""));
  expect(outcome(folder.file("prog", elf(EM_X86_64, loader))), 126, {loader, "no program for this machine"});
}

Test(exec, the_wrong_architecture_names_both) {
  const Folder folder;
  expect(outcome(folder.file("prog", elf(EM_AARCH64, "/lib/ld-linux-aarch64.so.1"))), 126,
         {"exec format error", "a program for AArch64 (arm64), this machine is x86-64", "binfmt_misc"});
  expect(outcome(folder.file("prog", elf(EM_S390, "", ET_EXEC, ELFDATA2MSB))), 126, {"s390x", "x86-64"});
  expect(outcome(folder.file("prog", elf(EM_RISCV, ""))), 126, {"RISC-V 64"});
}

Test(exec, files_that_are_no_programs) {
  const Folder folder;
  expect(outcome(folder.file("prog", "")), 126, {"exec format error", "the file is empty"});
  expect(outcome(folder.file("prog", "echo hello\n")), 126,
         {"exec format error", "names its interpreter", "#!/bin/sh"});
  expect(outcome(folder.file("prog", std::string("\x01\x02\x03\0xyz", 7))), 126,
         {"neither an ELF program nor a script"});
  expect(outcome(folder.file("prog", "#!\n")), 126, {"exec format error", "names no interpreter"});
  expect(outcome(folder.file("prog", elf(EM_X86_64, "").substr(0, 40))), 126, {"truncated ELF"});
  expect(outcome(folder.file("prog", elf(EM_X86_64, "", ET_REL))), 126, {"no program"});
}

Test(exec, what_a_user_may_not_execute) {
  const Folder folder;
  expect(outcome(folder.file("prog", "x", 0644)), 126,
         {"permission denied", "mode 0644, owner 0:0", "chmod +x"});
  expect(outcome(folder.file("prog", "x", 0700), 1234), 126, {"not executable by user 1234", "mode 0700"});
  mkdir(cat(folder.path, "/closed").c_str(), 0700);
  expect(outcome(folder.file("closed/prog", "x"), 1234), 126, {"permission denied", "closed\"", "user 1234"});
  expect(outcome(folder.path), 126, {"permission denied", "it is a directory"});
  expect(outcome("/dev/null"), 126, {"permission denied", "no regular file"});
}

Test(exec, an_interpreter_that_may_not_be_executed) {
  const Folder folder;
  const std::string interpreter = folder.file("interpreter", "x", 0644);
  expect(outcome(folder.file("prog", cat("#!", interpreter, "\n"))), 126,
         {"permission denied", "its interpreter (#!) can't be executed", interpreter});
}

Test(exec, a_file_system_that_is_mounted_noexec) {
  const Folder folder;
  const std::string mounted = cat(folder.path, "/mnt");
  mkdir(mounted.c_str(), 0755);
  if (mount("tmpfs", mounted.c_str(), "tmpfs", MS_NOEXEC, nullptr) < 0) cr_skip_test("needs CAP_SYS_ADMIN");
  expect(outcome(folder.file("mnt/prog", "#!/bin/sh\n")), 126, {"permission denied", "mounted noexec"});
  const std::string script = folder.file("prog", cat("#!", mounted, "/prog\n"));
  expect(outcome(script), 126, {"its interpreter (#!) can't be executed", "mounted noexec"});
}

Test(exec, a_file_that_is_being_written) {
  const Folder folder;
  const std::string path = folder.file("prog", "#!/bin/sh\n");
  const UniqueFd writer = open_path(path, O_WRONLY);
  // Newer kernels took ETXTBSY away for a while (6.11 to 6.13).
  const Outcome got = outcome(path);
  if (got.status == 0) cr_skip_test("this kernel has no ETXTBSY");
  expect(got, 126, {"text file busy"});
}

Test(exec, every_other_errno_has_its_text) {
  const Error error = process::explain_exec_failure("/bin/true", E2BIG, {});
  cr_expect(error.exit_status() == 126 &&
            error.message().find("argument list too long") != std::string::npos);
  const Error other = process::explain_exec_failure("/bin/true", EIO, {});
  cr_expect(other.exit_status() == 126 && other.message().find("nput/output error") != std::string::npos);
}
