# make install and make uninstall.
load helpers

install_to() { # TARGET: below PREFIX, from the programs that are built
  # Not a part of the make that runs the tests; nothing is built for it but the completion.
  env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$REPO" "$1" BUILD="$BUILD" PREFIX="$TEST_DIR/usr" 2>&1
}

@test "what is installed works where it is, and uninstall leaves nothing" {
  run install_to install
  assert_success
  assert_file_executable usr/bin/rocker
  assert_file_executable usr/bin/rocker-image
  assert_file_executable usr/sbin/rocker-runc
  assert_exists usr/share/man/man8/rocker-runc.8
  assert_exists usr/share/bash-completion/completions/rocker-runc
  run ./usr/bin/rocker import "$(busybox_tar)" busybox
  assert_success
  # The build tree is out of its reach.
  run env -i PATH=/usr/bin:/bin ROCKER_ROOT="$ROCKER_ROOT" unshare --mount sh -c \
    'mount -t tmpfs none "$1"; exec ./usr/bin/rocker run --rm --image busybox /bin/echo installed' - "$BUILD"
  assert_success
  assert_output installed
  run install_to uninstall
  assert_success
  run find usr -type f
  assert_output ''
}

@test "DESTDIR goes in front of everything, and into no file" {
  run env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$REPO" install BUILD="$BUILD" PREFIX=/usr DESTDIR="$TEST_DIR/stage"
  assert_success
  assert_exists stage/usr/bin/rocker
  run grep -rl "$TEST_DIR" stage
  assert_output ''
  run grep -l "$BUILD" stage/usr/bin/rocker
  assert_output ''
}
