#!/usr/bin/env bats
# Volumes and mounts: what another container may do to one meanwhile, and docker's grammar.
load helpers

setup() {
  setup_test
  needs overlay
  needs command conmon
}

@test "a volume is filled from the image without following links that a container plants in it" {
  local cp
  mkdir -p tree/data/sub
  echo one >tree/data/a
  echo PWNED >tree/data/z
  echo two >tree/data/sub/b
  tar -cf image.tar -C tree .
  rocker_image import --as rootfs image.tar evil
  echo safe >victim
  chmod 600 victim
  # In place of the container: a cp that plants the link when the copy begins.
  cp=$(command -v cp)
  mkdir bin
  printf '#!/bin/sh\nln -s %s %s && exec %s "$@"\n' "$PWD/victim" "$ROCKER_ROOT/volumes/shared/_data/z" "$cp" >bin/cp
  chmod 755 bin/cp
  rocker volume create shared
  PATH=$PWD/bin:$PATH run -0 rocker create --name "$TEST_TAG" -v shared:/data evil true
  assert_equal "$(<victim)" safe
  assert_equal "$(stat -c %a victim)" 600
  # What was there first stays, the rest is there, and nothing else is.
  assert_equal "$(readlink "$ROCKER_ROOT/volumes/shared/_data/z")" "$PWD/victim"
  assert_equal "$(cat "$ROCKER_ROOT/volumes/shared/_data/a" "$ROCKER_ROOT/volumes/shared/_data/sub/b")" $'one\ntwo'
  assert_not_exist "$ROCKER_ROOT/volumes/shared/.fill"
}

@test "two containers that fill a volume at once: it is filled once, and what a killed one left goes" {
  mkdir -p tree/data
  seq 1000 | (cd tree/data && split -l 1 -a 3 -)
  tar -cf image.tar -C tree .
  rocker_image import --as rootfs image.tar full
  rocker volume create shared
  mkdir -p "$ROCKER_ROOT/volumes/shared/.fill/half"
  rocker create --name "$TEST_TAG-1" -v shared:/data full true >/dev/null &
  rocker create --name "$TEST_TAG-2" -v shared:/data full true >/dev/null
  wait $!
  assert_equal "$(find "$ROCKER_ROOT/volumes/shared/_data" -type f | wc -l)" 1000
  assert_not_exist "$ROCKER_ROOT/volumes/shared/.fill"
}

@test "--mount: a source with a comma, in quotes, and what is mounted below it" {
  import_busybox
  mkdir -p 'a,b/below'
  echo comma >'a,b/file'
  mount -t tmpfs tmpfs 'a,b/below'
  run -0 rocker run --rm --mount "type=bind,\"source=$PWD/a,b\",target=/in,readonly,bind-recursive=writable" busybox \
    sh -c 'cat /in/file; touch /in/x 2>/dev/null || touch /in/below/x && echo below' </dev/null
  assert_output $'comma\nbelow'
  # Read-only is what is mounted below it as well, for cp too; or it is not there at all.
  for option in "--mount=type=bind,\"source=$PWD/a,b\",target=/in,readonly" "--volume=$PWD/a,b:/in:ro"; do
    run -1 rocker run --rm "$option" busybox touch /in/below/y </dev/null
    assert_output --partial 'Read-only file system'
  done
  rocker create --name below -v "$PWD/a,b:/in:ro" busybox true >/dev/null
  run -1 --separate-stderr rocker cp a,b/file below:/in/below/z
  assert_one_error_line 'below:/in/below/z: mounted volume is marked read-only'
  assert_file_not_exist a,b/below/z
  run -0 rocker run --rm --mount "type=bind,\"source=$PWD/a,b\",target=/in,bind-recursive=disabled" busybox ls /in/below </dev/null
  assert_output ''
  run -125 --separate-stderr rocker run --rm --mount type=volume,src=v,dst=/x,volume-subpath=y busybox true
  assert_one_error_line 'volume-subpath - mount the volume'
}

@test "--env-file: a byte order mark is no part of a name, a NUL byte is refused, and nothing stays behind" {
  import_busybox
  printf '\xef\xbb\xbfFIRST=1\r\nSECOND=2\n' >env
  run -0 rocker run --rm --env-file env busybox sh -c 'echo $FIRST $SECOND' </dev/null
  assert_output '1 2'
  printf 'X=\0a\n' >env
  run -125 --separate-stderr rocker run --rm --env-file env busybox true
  assert_one_error_line 'without NUL bytes in env'
  run -0 rocker ps -aq
  assert_output ''
}

@test "a runtime that is missing is said before anything is made" {
  import_busybox
  ROCKER_RUNTIME=/nosuch/rocker-runc run -125 --separate-stderr rocker run --rm --image busybox true
  assert_one_error_line '/nosuch/rocker-runc is missing'
  run -0 rocker ps -aq
  assert_output ''
}
