#!/usr/bin/env bats
# import of what its publisher meant, and of nothing else: --digest, checksums beside the archive, their signature, and
# the defaults of rocker.conf.
load helpers
load gpg

setup() {
  setup_test
  mkdir tree
  echo one >tree/a
  tar -cf t.tar -C tree .
}

nothing_was_imported() { # NAME
  assert [ ! -e "$ROCKER_ROOT/images/$1" ]
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp" 2>/dev/null)" ''
}

@test '--digest: the right one, or nothing' {
  digest=$(sha256sum t.tar | cut -d' ' -f1)
  run rocker_image import --digest "sha256:$digest" t.tar x
  assert_success
  gzip -k t.tar
  run --separate-stderr rocker_image import --digest "sha256:$digest" t.tar.gz y
  assert_failure 1
  assert_one_error_line "--digest says sha256:$digest"
  assert [ ! -e "$ROCKER_ROOT/images/y" ]
  run --separate-stderr rocker_image import --digest md5:0 t.tar y
  assert_failure 1
  assert_one_error_line 'is not sha256:'
}

@test '--verify checksum: TAR.sha256 and SHA256SUMS' {
  run --separate-stderr rocker_image import --verify checksum t.tar x
  assert_failure 1
  assert_one_error_line 'SHA256SUMS'
  sha256sum t.tar >SHA256SUMS
  run rocker_image import --verify checksum t.tar x
  assert_success
  echo "$(printf '0%.0s' {1..64})  t.tar" >t.tar.sha256
  run --separate-stderr rocker_image import --verify checksum t.tar y
  assert_failure 1
  assert_one_error_line 't.tar.sha256 says'
  assert [ ! -e "$ROCKER_ROOT/images/y" ]
}

@test '--verify signature: by gpgv and a keyring' {
  gpg_home
  gpg_key t@example.org keys.gpg
  sha256sum t.tar >SHA256SUMS
  run --separate-stderr rocker_image import --verify signature --keyring keys.gpg t.tar x
  assert_failure 1
  assert_one_error_line 'has no signature beside it'
  gpg_sign SHA256SUMS SHA256SUMS.asc --armor
  run rocker_image import --verify signature --keyring keys.gpg t.tar x
  assert_success
  # Another archive with a sum that was not signed.
  cp t.tar u.tar
  sha256sum u.tar >>SHA256SUMS
  run --separate-stderr rocker_image import --verify signature --keyring keys.gpg u.tar y
  assert_failure 1
  assert_one_error_line 'is no good signature'
  gpg_end
}

@test '--verify signature: a key that was revoked or has expired, and a signature that has, are refused' {
  gpg_home
  local then=20200101T120000 fingerprint
  sha256sum t.tar >SHA256SUMS

  refused() { # KEYRING MESSAGE
    run --separate-stderr rocker_image import --verify signature --keyring "$1" t.tar x
    assert_failure 1
    assert_one_error_line "SHA256SUMS.asc: is no good signature of SHA256SUMS by a key of $1: $2"
    nothing_was_imported x
  }
  sign() { # GPG-OPTION...
    gpg_sign SHA256SUMS SHA256SUMS.asc --armor "$@"
  }

  gpg_key revoked@example.org revoked.gpg
  sign -u revoked@example.org
  # It was good until then.
  run rocker_image import --verify signature --keyring revoked.gpg t.tar good
  assert_success
  fingerprint=$(gpg --batch --with-colons --list-keys revoked@example.org | sed -n 's/^fpr:*\([^:]*\):$/\1/p')
  # gpg guards the certificate that it makes by a colon.
  sed 's/^:-/-/' "gpg/openpgp-revocs.d/$fingerprint.rev" | gpg --batch --quiet --import 2>/dev/null
  gpg --batch --export revoked@example.org >revoked.gpg
  refused revoked.gpg 'the key was revoked'

  gpg_key expired@example.org expired.gpg 1d --faked-system-time "$then"
  sign --faked-system-time "$then" -u expired@example.org
  refused expired.gpg 'the key has expired'

  gpg_key tester@example.org keys.gpg never --faked-system-time "$then"
  sign --faked-system-time "$then" --default-sig-expire 1d -u tester@example.org
  refused keys.gpg 'the signature has expired'

  sign -u tester@example.org
  refused expired.gpg 'the keyring does not have its key'
  echo >>SHA256SUMS
  refused keys.gpg 'the signature is not of this content'
  : >SHA256SUMS.asc
  refused keys.gpg ''
  gpg_end
}

@test '--verify signature: a TAR.sha256 that nobody has signed makes way for SHA256SUMS' {
  gpg_home
  gpg_key t@example.org keys.gpg
  sha256sum t.tar >SHA256SUMS
  gpg_sign SHA256SUMS SHA256SUMS.asc --armor
  sha256sum t.tar >t.tar.sha256
  run rocker_image import --verify signature --keyring keys.gpg t.tar x
  assert_success
  # The one that is signed is what counts.
  echo more >>tree/a
  tar -cf t.tar -C tree .
  sha256sum t.tar >t.tar.sha256
  run --separate-stderr rocker_image import --verify signature --keyring keys.gpg t.tar y
  assert_failure 1
  assert_one_error_line 'SHA256SUMS says'
  nothing_was_imported y
  gpg_end
}

@test '--verify checksum: every form that sha256sum and its relatives write' {
  local digest line
  digest=$(sha256sum t.tar | cut -d' ' -f1)
  for line in "$digest  t.tar" "$digest *t.tar" "$digest  ./t.tar" "SHA256 (t.tar) = $digest" "$digest" \
    "${digest^^}  t.tar" "SHA256 (t.tar) = ${digest^^}" "SHA256(t.tar)= $digest" "SHA2-256(t.tar)= $digest" \
    "$digest  build/t.tar" "$digest  /srv/out/t.tar" "$digest  -" "SHA256 (build/t.tar) = $digest"; do
    printf '%s  other.tar\n%s\n' "$(printf 'f%.0s' {1..64})" "$line" >t.tar.sha256
    run rocker_image import --verify checksum t.tar x
    assert_success
  done
  # Of another file, or of none.
  for line in "$digest  u.tar" "$digest  xt.tar" "${digest}t.tar" "SHA256 (u.tar) = $digest" "MD5(t.tar)= $digest" 'no sum' ''; do
    printf '%s\n' "$line" >t.tar.sha256
    run --separate-stderr rocker_image import --verify checksum t.tar y
    assert_failure 1
    assert_one_error_line 't.tar.sha256: has no SHA-256 of t.tar'
    nothing_was_imported y
  done
  # In a list of all, a name is the name.
  rm t.tar.sha256
  echo "$digest  build/t.tar" >SHA256SUMS
  run --separate-stderr rocker_image import --verify checksum t.tar y
  assert_failure 1
  # Two of one name.
  printf '%s  t.tar\n%064d  t.tar\n' "$digest" 0 >SHA256SUMS
  run --separate-stderr rocker_image import --verify checksum t.tar y
  assert_failure 1
  assert_one_error_line 'SHA256SUMS: has two different SHA-256 of t.tar'
  nothing_was_imported y
}

@test '--verify signature: of several keys the keyring may have one' {
  gpg_home
  gpg_key old@example.org old.gpg
  gpg_key new@example.org new.gpg
  gpg_key other@example.org other.gpg
  cat old.gpg new.gpg >both.gpg
  sha256sum t.tar >SHA256SUMS
  gpg_sign SHA256SUMS SHA256SUMS.sign --armor -u old@example.org -u new@example.org
  local keyring
  for keyring in old.gpg new.gpg both.gpg; do
    run -0 rocker_image import --verify signature --keyring "$keyring" t.tar x
  done
  run -1 --separate-stderr rocker_image import --verify signature --keyring other.gpg t.tar y
  assert_one_error_line 'the keyring does not have its key'
  # What is not signed is not, by however many.
  echo >>SHA256SUMS
  for keyring in old.gpg both.gpg; do
    run -1 --separate-stderr rocker_image import --verify signature --keyring "$keyring" t.tar y
    assert_one_error_line 'the signature is not of this content'
  done
  nothing_was_imported y
  gpg_end
}

@test '--verify checksum: names that sha256sum escapes' {
  local name
  for name in 'back\slash.tar' $'line\nfeed.tar' 'new\nline.tar'; do
    cp t.tar "$name"
    sha256sum "$name" >SHA256SUMS
    assert_equal "$(head -c 1 SHA256SUMS)" '\'
    run rocker_image import --verify checksum "$name" x
    assert_success
    sha256sum --tag "$name" >SHA256SUMS
    run rocker_image import --verify checksum "$name" x
    assert_success
  done
  # Where nothing is escaped, a backslash is one.
  sha256sum t.tar | sed 's/t.tar/back\\\\slash.tar/' >SHA256SUMS
  run --separate-stderr rocker_image import --verify checksum 'back\slash.tar' y
  assert_failure 1
  assert_one_error_line '--verify: neither'
}

@test '--verify: standard input has nothing beside it; a folder has no digest' {
  run --separate-stderr rocker_image import --verify checksum - x <t.tar
  assert_failure 1
  assert_one_error_line 'standard input'
  run --separate-stderr rocker_image import --digest "sha256:$(printf '0%.0s' {1..64})" tree x
  assert_failure 1
  assert_one_error_line 'directory'
  run --separate-stderr rocker_image import --verify checksum tree x
  assert_failure 1
  assert_one_error_line 'a folder has no digest to check'
  digest=$(sha256sum t.tar | cut -d' ' -f1)
  # shellcheck disable=SC2016
  run bash -c 'cat t.tar | "$0" import --digest "sha256:$1" - x' "$ROCKER_IMAGE" "$digest"
  assert_success
}

@test 'an image that is there stays when its successor is not what was published' {
  rocker_image import t.tar x
  echo two >tree/a
  tar -cf t2.tar -C tree .
  echo "$(printf '0%.0s' {1..64})  t2.tar" >SHA256SUMS
  run --separate-stderr rocker_image import --verify checksum t2.tar x
  assert_failure 1
  assert_one_error_line 'SHA256SUMS says'
  assert_equal "$(cat "$(rocker_image path x)/a")" one
}

# ---- rocker.conf

@test 'rocker.conf: verify is the default, which the command line may change' {
  # What it says, and what is a comment.
  printf '# trust\n\n  verify = checksum  # always\n' >conf
  run --separate-stderr rocker_image --config conf import t.tar x
  assert_failure 1
  assert_one_error_line 'SHA256SUMS'
  nothing_was_imported x
  sha256sum t.tar >SHA256SUMS
  run rocker_image --config conf import t.tar x
  assert_success
  rm SHA256SUMS
  run rocker_image --config=conf import --verify none t.tar x
  assert_success
  run rocker_image import t.tar x
  assert_success
}

@test 'rocker.conf: signature with a keyring of its own' {
  gpg_home
  gpg_key t@example.org keys.gpg
  sha256sum t.tar >t.tar.sha256
  printf 'verify = signature\nkeyring = %s/keys.gpg\n' "$TEST_DIR" >conf
  run --separate-stderr rocker_image --config conf import t.tar x
  assert_failure 1
  assert_one_error_line 't.tar.sha256: has no signature'
  local suffix
  for suffix in asc gpg sig; do
    rm -f t.tar.sha256.*
    if [[ $suffix = asc ]]; then armor=--armor; else armor=--no-armor; fi
    gpg_sign t.tar.sha256 "t.tar.sha256.$suffix" "$armor"
    run rocker_image --config conf import t.tar x
    assert_success
  done
  printf 'verify = signature\n' >conf
  run --separate-stderr rocker_image --config conf import t.tar x
  assert_failure 1
  assert_one_error_line '--keyring'
  # Keys that have not signed.
  gpg_home gpg2
  gpg_key o@example.org others.gpg
  run --separate-stderr rocker_image --config conf import --keyring others.gpg t.tar y
  assert_failure 1
  assert_one_error_line 'is no good signature'
  nothing_was_imported y
  gpg_end
}

@test 'rocker.conf: what is wrong in it is told with its line, and nothing is imported' {
  local text message
  while IFS='|' read -r text message; do
    # shellcheck disable=SC2059
    printf "$text\n" >conf
    run --separate-stderr rocker_image --config conf import t.tar x
    assert_failure 1
    assert_one_error_line "$message"
    assert_one_error_line "$TEST_DIR/conf"
    nothing_was_imported x
  done <<'END'
verify = checksum\nverfy = none|line 2: unknown key "verfy"
verify = sometimes|line 1: verify: "sometimes" is not a way to verify
\n\nverify|line 3: expected "key = value"
END
  run --separate-stderr rocker_image --config missing import t.tar x
  assert_failure 1
  assert_one_error_line "missing: no such file"
}

@test '/etc/rocker/rocker.conf is the one that counts' {
  needs overlay
  mkdir -p etc/rocker
  echo 'verify = checksum' >etc/rocker/rocker.conf
  # In a mount namespace of its own: the machine's /etc stays as it is.
  run --separate-stderr unshare --mount --propagation private sh -c \
    'mount -t overlay -o "lowerdir=$PWD/etc:/etc" overlay /etc && exec "$0" import t.tar x' "$ROCKER_IMAGE"
  assert_failure 1
  assert_one_error_line '--verify: neither'
}
