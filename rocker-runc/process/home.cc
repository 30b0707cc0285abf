#include "rocker-runc/process/home.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::process {

namespace {

constexpr std::size_t most_of_passwd = 16u << 20;

std::string passwd() {
  const UniqueFd fd(::open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) < 0 || !S_ISREG(st.st_mode)) return "";
  try {
    return read_all(fd.get(), "/etc/passwd", most_of_passwd);
  } catch (const Error&) {
    return "";  // too long, or not readable: no reason not to start the container
  }
}

}  // namespace

std::string home_of(uid_t uid) {
  const std::string text = passwd();
  for (const std::string_view line : split(text, '\n')) {
    // name:password:uid:gid:comment:home:shell, passwd(5)
    const auto field = split(line, ':');
    unsigned long long number = 0;
    if (field.size() < 6 || !parse_number(field[2], number) || number != uid) continue;
    return field[5].empty() ? "/" : std::string(field[5]);
  }
  return "/";
}

}  // namespace rocker::process
