#include "rocker-image/trust.hh"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <vector>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

extern char** environ;

namespace rocker {

namespace {

constexpr std::size_t most_sums = std::size_t{4} << 20;

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string base_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// A line of sha256sum(1), "DIGEST  NAME" or "DIGEST *NAME", or of its --tag form, "SHA256 (NAME) = DIGEST";
// in a file for one archive alone the name may be missing.
bool parse_sum(std::string_view line, std::string_view name, bool alone, Sha256::Digest& digest) {
  line = trim(line);
  if (line.starts_with("SHA256 (")) {
    const auto close = line.rfind(") = ");
    if (close == std::string_view::npos || line.substr(8, close - 8) != name) return false;
    return Sha256::parse_hex(line.substr(close + 4), digest);
  }
  if (!Sha256::parse_hex(line.substr(0, 64), digest)) return false;
  std::string_view rest = line.substr(std::min<std::size_t>(64, line.size()));
  if (rest.empty()) return alone;
  rest = trim(rest);
  if (rest.starts_with('*')) rest.remove_prefix(1);
  if (rest.starts_with("./")) rest.remove_prefix(2);
  return rest == name;
}

// The text is handed to gpgv on its standard input, so that what was checked is what is used.
void check_signature(const std::string& sums, const std::string& text, const std::string& keyring) {
  std::string signature;
  for (const char* suffix : {".asc", ".gpg", ".sig"}) {
    if (exists(sums + suffix)) {
      signature = sums + suffix;
      break;
    }
  }
  if (signature.empty()) {
    throw Error(cat(printable(sums), ": has no signature beside it (.asc, .gpg or .sig)"))
        .hint("get it from where the archive comes from, or use --verify checksum");
  }
  if (keyring.empty()) {
    throw Error("--verify signature: the keys to trust are not known").hint("give --keyring FILE");
  }
  if (!exists(keyring)) throw system_error(cat("--keyring ", printable(keyring)), ENOENT);

  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) < 0) throw system_error("pipe");
  UniqueFd in_read(in[0]), in_write(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) < 0) throw system_error("pipe");
  UniqueFd out_read(out[0]), out_write(out[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in_read.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out_write.get(), STDERR_FILENO);
  // gpgv looks for a keyring without a slash in its own folder.
  std::vector<std::string> args{"gpgv", "--keyring", absolute_path(keyring), "--", signature, "-"};
  std::vector<char*> argv;
  for (auto& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int status = ::posix_spawnp(&pid, "gpgv", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (status == ENOENT) throw Error("gpgv is not installed").hint("install the package gpgv");
  if (status != 0) throw system_error("start gpgv", status);
  in_read.reset();
  out_write.reset();
  // A gpgv that ends early must not end us.
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  std::string said;
  try {
    write_all(in_write.get(), text, "gpgv");
  } catch (const Error&) {
    // Its exit status says more.
  }
  in_write.reset();
  ::sigaction(SIGPIPE, &before, nullptr);
  said = read_all(out_read.get(), "gpgv", most_sums);
  int wait_status = 0;
  while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) return;
  // Its last line says what is wrong.
  std::string_view last = trim(said);
  if (const auto line = last.rfind('\n'); line != std::string_view::npos) last.remove_prefix(line + 1);
  throw Error(cat(printable(signature), ": is no good signature of ", printable(base_of(sums)),
                  " by a key of ", printable(keyring),
                  last.empty() ? std::string() : cat(" (", printable(last), ")")));
}

}  // namespace

Verify parse_verify(std::string_view text, std::string_view from) {
  if (text == "none") return Verify::none;
  if (text == "checksum") return Verify::checksum;
  if (text == "signature") return Verify::signature;
  throw Error(cat(from, ": \"", printable(text), "\" is not a way to verify"))
      .hint("one of none, checksum, signature");
}

TrustDefaults read_trust_defaults(const std::string& path) {
  TrustDefaults defaults;
  const auto text = read_file_if_exists(AT_FDCWD, path, most_sums);
  if (!text) return defaults;
  std::size_t number = 0;
  for (auto line : split(*text, '\n')) {
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    with_context(
        [&] { return cat(path, ": line ", number); },
        [&] {
          const auto equals = line.find('=');
          if (equals == std::string_view::npos)
            throw Error(cat("expected \"key = value\", found \"", printable(line), "\""));
          const auto key = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
          if (key == "verify") {
            defaults.verify = parse_verify(value, key);
          } else if (key == "keyring") {
            defaults.keyring = value;
          } else {
            throw Error(cat("unknown key \"", printable(key), "\"")).hint("the keys are verify and keyring");
          }
        });
  }
  return defaults;
}

ExpectedDigest published_digest(const std::string& archive, Verify verify, const std::string& keyring) {
  if (archive == "-")
    throw Error("--verify: standard input has no files beside it").hint("give --digest sha256:...");
  const std::string own = cat(archive, ".sha256"), all = cat(folder_of(archive), "/SHA256SUMS");
  const std::string name = base_of(archive);
  for (const auto& sums : {own, all}) {
    if (!exists(sums)) continue;
    const std::string text = read_file(sums, most_sums);
    ExpectedDigest expected;
    bool found = false;
    for (const auto line : split(text, '\n')) {
      if (found || !parse_sum(line, name, sums == own, expected.digest)) continue;
      found = true;
    }
    if (!found) {
      if (sums == own) throw Error(cat(printable(sums), ": has no SHA-256 of ", printable(name)));
      continue;
    }
    if (verify == Verify::signature) check_signature(sums, text, keyring);
    expected.from = sums;
    return expected;
  }
  throw Error(cat("--verify: neither ", printable(own), " nor ", printable(all), " has a SHA-256 of ",
                  printable(name)));
}

}  // namespace rocker
