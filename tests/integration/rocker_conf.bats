#!/usr/bin/env bats
# /etc/rocker/rocker.conf: the examples of rocker.conf(5), and what is wrong in it.
load helpers
load gpg

# An import under the given rocker.conf, which is there for nobody else.
import_with() { # CONF ARGUMENT...
  mkdir -p upper/rocker work
  cp "$1" upper/rocker/rocker.conf
  shift
  # shellcheck disable=SC2016
  unshare --mount sh -c 'mount -t overlay -o lowerdir=/etc,upperdir=upper,workdir=work rocker-test /etc && exec "$@"' - \
    "$ROCKER_IMAGE" import "$@"
}

# The examples of the manual page, each in a file: example.1, ...
examples() {
  awk '/^\.Sh EXAMPLES/ { on = 1 } on && /^\.Bd/ { n++; in_one = 1; next } /^\.Ed/ { in_one = 0 }
    in_one { print >"example." n } END { print n + 0 }' "$REPO/man/rocker.conf.5"
}

@test "rocker.conf(5): an example asks for a checksum" {
  needs overlay
  run -0 examples
  assert_output 2
  cp "$(busybox_tar)" t.tar
  run -1 --separate-stderr import_with example.1 t.tar x
  assert_one_error_line 't.tar.sha256'
  sha256sum t.tar >t.tar.sha256
  run -0 import_with example.1 t.tar x
  echo "$(printf '0%.0s' {1..64})  t.tar" >t.tar.sha256
  run -1 --separate-stderr import_with example.1 t.tar y
  assert_one_error_line 'nothing was imported'
  # An option goes before it.
  run -0 import_with example.1 --verify none t.tar y
}

@test "rocker.conf(5): standard input has --digest in place of a checksum" {
  needs overlay
  examples
  cp "$(busybox_tar)" t.tar
  run -1 --separate-stderr import_with example.1 - x <t.tar
  assert_one_error_line --digest
  run -0 import_with example.1 --digest "sha256:$(sha256sum <t.tar | cut -c1-64)" - x <t.tar
  run -1 --separate-stderr import_with example.2 --digest "sha256:$(sha256sum <t.tar | cut -c1-64)" - y <t.tar
  assert_one_error_line 'standard input'
}

@test "rocker.conf(5): an example asks for a signature by one of its keys" {
  needs overlay
  gpg_home
  examples
  mkdir -p upper/rocker
  gpg_key t@example.org upper/rocker/keys.gpg
  cp "$(busybox_tar)" t.tar
  sha256sum t.tar >t.tar.sha256
  run -1 --separate-stderr import_with example.2 t.tar x
  assert_one_error_line 'no signature'
  gpg_sign t.tar.sha256 t.tar.sha256.sig
  gpg_end
  run -0 import_with example.2 t.tar x
}

@test "rocker.conf: what is wrong names the line" {
  needs overlay
  cp "$(busybox_tar)" t.tar
  printf '# a comment\n\nstorage = zfs\n' >conf
  run -1 --separate-stderr import_with conf t.tar x
  assert_one_error_line '/etc/rocker/rocker.conf: line 3: unknown key "storage"'
  printf 'verify\n' >conf
  run -1 --separate-stderr import_with conf t.tar x
  assert_one_error_line 'line 1: expected "key = value", found "verify"'
  printf 'verify = maybe\n' >conf
  run -1 --separate-stderr import_with conf t.tar x
  assert_one_error_line 'line 1'
  # The one that make deb installs is one.
  run -0 import_with "$REPO/scripts/package/rocker.conf" t.tar x
}
