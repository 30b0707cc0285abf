#include "rocker-image/trust.hh"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
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

// sha256sum(1) writes a name with a backslash, a line feed or a carriage return escaped, and says so by a
// backslash before the line.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      c = text[++i];
      if (c == 'n') c = '\n';
      if (c == 'r') c = '\r';
    }
    out += c;
  }
  return out;
}

// Of either case: sha256sum -c takes both.
bool parse_digits(std::string_view text, Sha256::Digest& digest) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  return Sha256::parse_hex(lower, digest);
}

// "SHA256 (NAME) = DIGEST" of sha256sum --tag and BSD, or openssl's "SHA256(NAME)= DIGEST" and
// "SHA2-256(NAME)= DIGEST".
bool parse_tagged(std::string_view line, std::string_view& name, std::string_view& digits) {
  const auto open = line.find('('), close = line.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
  const auto algorithm = trim(line.substr(0, open));
  const auto rest = trim(line.substr(close + 1));
  if ((algorithm != "SHA256" && algorithm != "SHA2-256") || !rest.starts_with('=')) return false;
  name = line.substr(open + 1, close - open - 1);
  digits = trim(rest.substr(1));
  return true;
}

// A line of sha256sum(1), "DIGEST  NAME" or "DIGEST *NAME", or a tagged one. In a file for one archive alone
// the name may be missing or "-", and may have the folder that the publisher made the archive in.
bool parse_sum(std::string_view line, std::string_view name, bool alone, Sha256::Digest& digest) {
  line = trim(line);
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  const auto is_name = [&](std::string_view text) {
    if (text.starts_with("./")) text.remove_prefix(2);
    const std::string plain = escaped ? unescaped(text) : std::string(text);
    return plain == name || (alone && (plain == "-" || base_of(plain) == name));
  };
  std::string_view tagged, digits;
  if (parse_tagged(line, tagged, digits)) return is_name(tagged) && parse_digits(digits, digest);
  if (!parse_digits(line.substr(0, 64), digest)) return false;
  std::string_view rest = line.substr(std::min<std::size_t>(64, line.size()));
  if (rest.empty()) return alone;
  if (rest[0] != ' ' && rest[0] != '\t') return false;
  rest = trim(rest);
  if (rest.starts_with('*')) rest.remove_prefix(1);
  return is_name(rest);
}

// The detached signature beside a file; empty when there is none.
std::string signature_of(const std::string& sums) {
  for (const char* suffix : {".asc", ".gpg", ".sig", ".sign"}) {
    if (exists(sums + suffix)) return sums + suffix;
  }
  return {};
}

UniqueFd memory_file(std::string_view text) {
  UniqueFd fd(::memfd_create("gpgv", MFD_CLOEXEC));
  if (!fd) throw system_error("memfd_create");
  write_all(fd.get(), text, "gpgv");
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) throw system_error("seek");
  return fd;
}

std::string content_of(const UniqueFd& fd) {
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) throw system_error("seek");
  return read_all(fd.get(), "gpgv", most_sums);
}

struct Verdict {
  std::string fault;    // empty when it is good
  bool others = false;  // signed by keys, too, that the keyring does not have
};

// What gpgv's status lines say (gnupg's doc/DETAILS). One good signature is enough, as it is for apt: who
// changes his keys signs with the old and the new one; but of those by the keyring's keys none may be wrong.
// A revoked or expired key is no failure to gpgv itself: it exits with 0.
Verdict verdict_of(const std::string& status) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> faults{{
      {"BADSIG", "the signature is not of this content"},
      {"REVKEYSIG", "the key was revoked"},
      {"EXPKEYSIG", "the key has expired"},
      {"EXPSIG", "the signature has expired"},
      {"ERRSIG", "the signature can't be checked"},
  }};
  constexpr std::size_t reason_at = 6;
  constexpr std::string_view no_public_key = "9";
  bool good = false, valid = false;
  Verdict verdict;
  std::string unknown;
  for (const auto line : split(status, '\n')) {
    if (!line.starts_with("[GNUPG:] ")) continue;
    const auto words = split(line.substr(9), ' ');
    good = good || words[0] == "GOODSIG";
    valid = valid || words[0] == "VALIDSIG";
    const std::string key = words.size() > 1 ? cat(", key ", printable(words[1])) : "";
    if (words[0] == "ERRSIG" && words.size() > reason_at && words[reason_at] == no_public_key) {
      verdict.others = true;
      unknown = cat("the keyring does not have its key", key);
      continue;
    }
    for (const auto& [word, meaning] : faults) {
      if (words[0] == word && verdict.fault.empty()) verdict.fault = cat(meaning, key);
    }
  }
  if (verdict.fault.empty() && !(good && valid))
    verdict.fault = verdict.others ? unknown : "no signature in it could be checked";
  return verdict;
}

// The text is handed to gpgv on its standard input, so that what was checked is what is used.
void check_signature(const std::string& sums, const std::string& text, const std::string& keyring) {
  std::string signature = signature_of(sums);
  if (signature.empty()) {
    throw Error(cat(printable(sums), ": has no signature beside it (.asc, .gpg, .sig or .sign)"))
        .hint("get it from where the archive comes from, or use --verify checksum");
  }
  if (keyring.empty()) {
    throw Error("--verify signature: the keys to trust are not known").hint("give --keyring FILE");
  }
  if (!exists(keyring)) throw system_error(cat("--keyring ", printable(keyring)), ENOENT);

  // Files and not pipes: nobody waits for the other to read.
  const UniqueFd in = memory_file(text), out = memory_file({}), messages = memory_file({});
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, messages.get(), STDERR_FILENO);
  // gpgv looks for a keyring without a slash in its own folder.
  std::vector<std::string> args{"gpgv", "--status-fd", "1", "--keyring", absolute_path(keyring),
                                "--",   signature,     "-"};
  std::vector<char*> argv;
  for (auto& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int status = ::posix_spawnp(&pid, "gpgv", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (status == ENOENT) throw Error("gpgv is not installed").hint("install the package gpgv");
  if (status != 0) throw system_error("start gpgv", status);
  int wait_status = 0;
  while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  auto [fault, others] = verdict_of(content_of(out));
  // gpgv: 2 when it could not check one of them.
  const int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
  if (fault.empty() && (code == 0 || (code == 2 && others))) return;
  if (fault.empty() || fault.starts_with("no signature")) {
    // gpgv's last line says why.
    const std::string said = content_of(messages);
    std::string_view last = trim(said);
    if (const auto line = last.rfind('\n'); line != std::string_view::npos) last.remove_prefix(line + 1);
    fault = last.empty() && fault.empty() ? "gpgv failed" : last.empty() ? fault : printable(last);
  }
  throw Error(cat(printable(signature), ": is no good signature of ", printable(base_of(sums)),
                  " by a key of ", printable(keyring), ": ", fault))
      .hint("nothing was imported; ask the publisher for a signature by a key that is valid");
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
  struct stat st {};
  if (::stat(archive.c_str(), &st) == 0 && S_ISDIR(st.st_mode))
    throw Error("--verify: a folder has no digest to check").hint("--verify none takes it as it is");
  const std::string own = cat(archive, ".sha256"), all = cat(folder_of(archive), "/SHA256SUMS");
  const std::string name = base_of(archive);
  for (const auto& sums : {own, all}) {
    if (!exists(sums)) continue;
    // One that nobody has signed says nothing where the other one is signed.
    if (verify == Verify::signature && sums == own && signature_of(own).empty() && exists(all) &&
        !signature_of(all).empty()) {
      continue;
    }
    const std::string text = read_file(sums, most_sums);
    ExpectedDigest expected;
    bool found = false;
    for (const auto line : split(text, '\n')) {
      Sha256::Digest digest;
      if (!parse_sum(line, name, sums == own, digest)) continue;
      if (found && digest != expected.digest)
        throw Error(cat(printable(sums), ": has two different SHA-256 of ", printable(name)));
      expected.digest = digest;
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
