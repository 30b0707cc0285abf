#!/usr/bin/env bats
# The same source gives the same bytes: the tarball from a clone and from itself, the packages in two places.
# `make test-reproducible`; it compiles everything once more.

load ../integration/helpers

setup() { TEST_DIR=$BATS_TEST_TMPDIR; }
teardown() { :; }

sum_of() { cut -d' ' -f1 "$1"/rocker-*.tar.gz.sha256; }

@test "make dist: the same tarball twice, and from the tarball without git" {
  local first
  run -0 --separate-stderr "$REPO/scripts/package/dist" "$TEST_DIR/one"
  first=$(sum_of "$TEST_DIR/one")
  (cd "$TEST_DIR/one" && sha256sum --check --quiet ./*.sha256)
  run -0 --separate-stderr "$REPO/scripts/package/dist" "$TEST_DIR/two"
  assert_equal "$(sum_of "$TEST_DIR/two")" "$first"
  mkdir "$TEST_DIR/tree"
  tar -xzf "$TEST_DIR"/one/*.tar.gz -C "$TEST_DIR/tree"
  cd "$TEST_DIR"/tree/rocker-*
  # Somebody has built in it, under another umask, with no git to ask.
  mkdir build dist base-image
  touch build/object dist/file base-image/busybox.tar compile_commands.json
  (
    umask 077
    unset MAKEFLAGS MAKELEVEL MFLAGS
    PATH=$(without git) make -s dist DIST="$TEST_DIR/three"
  )
  assert_equal "$(sum_of "$TEST_DIR/three")" "$first"
  # Nothing of a build is in it, all is root's and of one time.
  run -0 tar -tvzf "$TEST_DIR"/one/*.tar.gz
  refute_output --partial ' build/'
  run -0 awk '{ print $2, $4, $5 }' <(printf '%s\n' "$output")
  assert_equal "$(sort -u <<<"$output" | wc -l)" 1
  assert_line --index 0 --partial 'root/root 20'
}

# A PATH like ours, without one program.
without() { # PROGRAM
  local dir program out=$TEST_DIR/path
  mkdir -p "$out"
  for dir in /usr/local/bin /usr/bin /bin /usr/sbin /sbin; do
    for program in "$dir"/*; do
      [[ ${program##*/} = "$1" || -e $out/${program##*/} ]] || ln -s "$program" "$out/${program##*/}"
    done
  done
  echo "$out"
}

@test "make deb: the same packages in another place, at another time, with other settings" {
  needs command dpkg-buildpackage
  compgen -G "$BUILD/deb/rocker_*.deb" >/dev/null || fail "no packages in $BUILD/deb: make deb"
  # A longer path, so that nothing fits by chance; no cache of a compiler, which would have the objects of the first.
  local place=$TEST_DIR/a/place/with/another/length package
  CCACHE_DISABLE=1 TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/nonexistent \
    run -0 nice "$REPO/scripts/package/deb" --build-in "$place" "$TEST_DIR/deb"
  for package in "$TEST_DIR"/deb/*.deb "$TEST_DIR"/deb/*.dsc "$TEST_DIR"/deb/*.tar.xz; do
    cmp "$package" "$BUILD/deb/${package##*/}" || fail "${package##*/} differs: diffoscope $package $BUILD/deb/${package##*/}"
  done
  assert_equal "$(cd "$TEST_DIR/deb" && ls -- *.deb)" "$(cd "$BUILD/deb" && ls -- *.deb)"
}
