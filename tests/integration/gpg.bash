# gpg.bash - keys and signatures of a test's own. `load gpg` behind `load helpers`.
#
#   gpg_home;  gpg_key t@example.org keys.gpg;  gpg_sign SHA256SUMS SHA256SUMS.asc --armor;  gpg_end
# shellcheck shell=bash

gpg_home() { # [FOLDER]: where the keys are from now on
  needs command gpg
  needs command gpgv
  export GNUPGHOME=$TEST_DIR/${1:-gpg}
  mkdir -m 700 "$GNUPGHOME"
}

gpg_key() { # USER KEYRING [EXPIRES [GPG-OPTION...]]: a new key that signs, and a keyring that has no other
  gpg --batch --quiet "${@:4}" --passphrase '' --quick-gen-key "$1" ed25519 sign "${3:-never}" 2>/dev/null
  gpg --batch --export "$1" >"$2"
}

gpg_sign() { # FILE SIGNATURE [GPG-OPTION...]
  gpg --batch --quiet --yes "${@:3}" --detach-sign -o "$2" "$1" 2>/dev/null
}

# Every home has an agent, which would outlive the test.
gpg_end() {
  local home
  for home in "$TEST_DIR"/gpg*/; do GNUPGHOME=${home%/} gpgconf --kill all || :; done
}
