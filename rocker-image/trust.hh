// Whether an archive is the one that its publisher meant: checksums beside it, and their OpenPGP signature.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rocker-image/hash.hh"

namespace rocker {

enum class Verify { none, checksum, signature };
// "none", "checksum", "signature"; `from` is the option or the key, for the message.
Verify parse_verify(std::string_view text, std::string_view from);

// What a rocker.conf says of it; the defaults where it says nothing or is not there. Lines are "key =
// value", "#" begins a comment. Throws Error with the line.
struct TrustDefaults {
  Verify verify = Verify::none;
  std::string keyring;
};
TrustDefaults read_trust_defaults(const std::string& path);

struct ExpectedDigest {
  Sha256::Digest digest{};
  std::string from;  // "SHA256SUMS", for messages
};

// What TAR.sha256 or SHA256SUMS beside the archive says of it. With Verify::signature, the file's detached
// signature (.asc, .gpg or .sig) is checked by gpgv with the keyring first: it must be good, and by a key
// that is valid now. A TAR.sha256 without a signature makes way for a SHA256SUMS that has one. Throws Error
// when there is no such file or signature.
ExpectedDigest published_digest(const std::string& archive, Verify verify, const std::string& keyring);

}  // namespace rocker
