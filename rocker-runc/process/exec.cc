#include "rocker-runc/process/exec.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <optional>

#include "rocker-runc/process/executable.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

constexpr int not_found = 127;
constexpr int not_executable = 126;

// What execvp(3) takes without one.
constexpr std::string_view default_path = "/bin:/usr/bin";

// The first of several counts, as for getenv(3).
std::string_view path_of(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
  }
  return default_path;
}

std::string quoted(std::string_view text) {
  return cat('"', printable(text), '"');
}

// Begins every message: runc's and Go's words, which engines look for.
Error failure(const std::string& path, std::string_view what, int errno_value, int status) {
  Error error(cat("exec: ", quoted(path), ": ", what), errno_value);
  error.exit_status(status);
  return error;
}

// The first part of the path that is not as it should be, in words; empty when there is none. Links are
// followed as the kernel would: by asking it about longer and longer beginnings.
std::string broken_part(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    struct stat st {};
    const bool last = end == std::string::npos;
    if (::stat(part.c_str(), &st) == 0) {
      if (last) return {};
      if (!S_ISDIR(st.st_mode)) return cat(quoted(part), " is not a directory");
      if (::faccessat(AT_FDCWD, part.c_str(), X_OK, AT_EACCESS) < 0) {
        return cat("the directory ", quoted(part), " can't be searched by user ", geteuid());
      }
      continue;
    }
    const int error = errno;
    if (error == ELOOP) return cat(quoted(part), " is a symbolic link that leads back to itself");
    if (error == EACCES) return cat(quoted(part), " can't be reached by user ", geteuid());
    struct stat link {};
    if (::lstat(part.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
      std::string target(PATH_MAX, '\0');
      const ssize_t got = ::readlink(part.c_str(), target.data(), target.size());
      target.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
      return cat(quoted(part), " is a symbolic link to ", quoted(target), ", which does not exist");
    }
    return last ? std::string() : cat("the directory ", quoted(part), " does not exist");
  }
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0;
}

Error explain_missing(const std::string& path, int errno_value) {
  const std::string_view text = errno_value == ENOTDIR ? "not a directory"
                                : errno_value == ELOOP ? "too many levels of symbolic links"
                                                       : "no such file or directory";
  if (!exists(path)) {
    const std::string part = broken_part(path);
    return failure(path, part.empty() ? std::string(text) : cat(text, ": ", part), errno_value, not_found);
  }
  const Head head = read_head(path);
  if (const auto interpreter = parse_shebang(head)) {
    Error error = failure(path,
                          cat("no such file or directory: the file is there, but its interpreter (#!) ",
                              quoted(*interpreter), " is not"),
                          errno_value, not_found);
    if (interpreter->ends_with('\r')) {
      error.hint("its first line ends in CR LF: save the script with Unix line ends");
    } else {
      const std::string part = broken_part(*interpreter);
      error.hint(
          part.empty()
              ? "install the interpreter in the root file system, or name another one in the first line"
              : part);
    }
    return error;
  }
  if (const auto elf = parse_elf(head); elf && !elf->interpreter.empty()) {
    Error error =
        failure(path,
                cat("no such file or directory: the file is there, but its loader (ELF interpreter) ",
                    quoted(elf->interpreter), " is not"),
                errno_value, not_found);
    const bool musl = elf->interpreter.find("ld-musl") != std::string::npos;
    error.hint(
        cat("the program was linked with ", musl ? "musl" : "a C library",
            " that is missing in the root file system: install it there, or link the program statically"));
    return error;
  }
  return failure(path, text, errno_value, not_found);
}

Error explain_denied(const std::string& path, int errno_value) {
  struct stat st {};
  auto denied = [&](std::string_view why) {
    return failure(path, cat("permission denied: ", why), errno_value, not_executable);
  };
  if (::stat(path.c_str(), &st) < 0) {
    const std::string part = broken_part(path);
    return denied(part.empty() ? "the file can't be reached" : part);
  }
  if (S_ISDIR(st.st_mode)) return denied("it is a directory");
  if (!S_ISREG(st.st_mode)) return denied("it is no regular file");
  struct statvfs fs {};
  if (::statvfs(path.c_str(), &fs) == 0 && (fs.f_flag & ST_NOEXEC)) {
    return denied("it is on a file system that is mounted noexec");
  }
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) < 0) {
    static constexpr char digits[] = "01234567";
    const std::string mode{digits[st.st_mode >> 9 & 7], digits[st.st_mode >> 6 & 7],
                           digits[st.st_mode >> 3 & 7], digits[st.st_mode & 7]};
    Error error = denied(cat("it is not executable by user ", geteuid(), " (mode ", mode, ", owner ",
                             st.st_uid, ":", st.st_gid, ")"));
    if ((st.st_mode & 0111) == 0) error.hint("chmod +x it in the root file system");
    return error;
  }
  const Head head = read_head(path);
  if (const auto interpreter = parse_shebang(head); interpreter && *interpreter != path) {
    Error inner = explain_denied(*interpreter, errno_value);
    return denied(cat("its interpreter (#!) can't be executed: ", inner.message().substr(6)));
  }
  if (const auto elf = parse_elf(head); elf && !elf->interpreter.empty() && elf->interpreter != path) {
    if (exists(elf->interpreter) && ::faccessat(AT_FDCWD, elf->interpreter.c_str(), X_OK, AT_EACCESS) < 0) {
      return denied(cat("its loader (ELF interpreter) ", quoted(elf->interpreter), " is not executable"));
    }
  }
  return denied("a security module forbids it, as AppArmor or SELinux do");
}

Error explain_format(const std::string& path, int errno_value) {
  auto wrong = [&](std::string_view why) {
    return failure(path, cat("exec format error: ", why), errno_value, not_executable);
  };
  const Head head = read_head(path);
  if (!head.readable) return wrong("the kernel can't run a file of this kind");
  if (head.bytes.empty()) return wrong("the file is empty");
  if (const auto elf = parse_elf(head)) {
    if (elf->broken) return wrong("it is a truncated ELF file");
    const std::string theirs = machine_name(elf->machine, elf->wide, elf->little), ours = own_machine();
    if (theirs != ours) {
      Error error = wrong(cat("it is a program for ", theirs, ", this machine is ", ours));
      error.hint("take the image of the other architecture, or set up qemu-user with binfmt_misc");
      return error;
    }
    if (!elf->program) return wrong("it is an ELF file, but no program (an object file or a core dump?)");
    return wrong("it is a damaged ELF program");
  }
  if (const auto interpreter = parse_shebang(head)) {
    if (interpreter->empty()) return wrong("its first line (#!) names no interpreter");
    return wrong(cat("its interpreter (#!) ", quoted(*interpreter), " can't be run by the kernel"));
  }
  for (const char c : head.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\t' && c != '\r' && c != '\f' && c != '\x1b') {
      return wrong("it is neither an ELF program nor a script");
    }
  }
  Error error = wrong("it is a text without a first line that names its interpreter");
  error.hint("begin it with #!/bin/sh or the like, or run it with its interpreter: sh FILE");
  return error;
}

}  // namespace

namespace {

// The container's own filter is at work by now unless it has noNewPrivileges. One that is older than
// faccessat2(2) says EPERM to it, which is not about the file: execve will tell.
bool may_execute(const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return true;
  return errno == EPERM || errno == ENOSYS;
}

}  // namespace

std::string find_program(const std::string& name, const std::vector<std::string>& env) {
  if (name.empty())
    throw failure(name, "executable file not found in $PATH: the name is empty", ENOENT, not_found);
  if (name.find('/') != std::string::npos) return name;

  // As execvp(3): the first that can be executed; one that is there but can't be is remembered for the
  // message.
  std::string denied;
  for (const std::string_view directory : split(path_of(env), ':')) {
    const std::string candidate = cat(directory.empty() ? std::string_view(".") : directory, "/", name);
    struct stat st {};
    if (::stat(candidate.c_str(), &st) < 0) {
      if (errno == EACCES && denied.empty()) denied = candidate;
      continue;
    }
    if (S_ISREG(st.st_mode) && may_execute(candidate)) return candidate;
    if (!S_ISDIR(st.st_mode) && denied.empty()) denied = candidate;
  }
  if (!denied.empty()) throw explain_denied(denied, EACCES);
  throw explain_exec_failure(name, ENOENT, env);
}

void check_program(const std::string& name, const std::vector<std::string>& env) {
  struct stat st {};
  if (name.find('/') == std::string::npos) {
    find_program(name, env);
  } else if (name[0] != '/') {
    return;  // from a working directory that may not be there yet
  } else if (::stat(name.c_str(), &st) < 0) {
    if (errno != EACCES) throw explain_exec_failure(name, errno, env);
  } else if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) {
    throw explain_exec_failure(name, EACCES, env);
  }
}

Error explain_exec_failure(const std::string& path, int errno_value, const std::vector<std::string>& env) {
  if (path.find('/') == std::string::npos && errno_value == ENOENT) {
    bool set = false;
    for (const std::string& entry : env) set = set || entry.starts_with("PATH=");
    return failure(path,
                   cat("executable file not found in $PATH: no such file or directory in ",
                       printable(path_of(env), 1024), set ? "" : " (the default, process.env has no PATH)"),
                   errno_value, not_found);
  }
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP: return explain_missing(path, errno_value);
    case EACCES: return explain_denied(path, errno_value);
    case ENOEXEC: return explain_format(path, errno_value);
    case EPERM: {
      struct stat st {};
      if (::stat(path.c_str(), &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID))) {
        return failure(path, "operation not permitted: a set-user-ID program is refused here", errno_value,
                       not_executable);
      }
      return failure(
          path,
          "operation not permitted: it has file capabilities outside the bounding set, or a seccomp filter "
          "or security module forbids it",
          errno_value, not_executable);
    }
    case E2BIG:
      return failure(path, "argument list too long: process.args and process.env together", errno_value,
                     not_executable)
          .hint("the kernel takes a quarter of RLIMIT_STACK, and 128 KiB for one string");
    case ETXTBSY:
      return failure(path, "text file busy: the file is open for writing", errno_value, not_executable);
    case ELIBBAD: {
      const auto elf = parse_elf(read_head(path));
      return failure(path,
                     cat("its loader (ELF interpreter) ", quoted(elf ? elf->interpreter : ""),
                         " is no program for this machine"),
                     errno_value, not_executable);
    }
    case ENAMETOOLONG: return failure(path, "file name too long", errno_value, not_found);
    default: return failure(path, system_error("execve", errno_value).message(), errno_value, not_executable);
  }
}

}  // namespace rocker::process
