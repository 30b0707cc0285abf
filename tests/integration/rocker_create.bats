#!/usr/bin/env bats
# A container that is just being made, and one whose maker was killed.
load helpers

setup() {
  setup_containers
  # In the place of cp, with which a volume is filled: it tells that it has begun and goes on when it may.
  mkdir -p bin tree/data tree/bin
  printf '#!/bin/sh\necho $$ >%s/began\nread -r line <%s/go\nexec %s "$@"\n' "$PWD" "$PWD" "$(command -v cp)" >bin/cp
  chmod 755 bin/cp
  mkfifo go
  echo data >tree/data/file
  cp "$(busybox_rootfs)/bin/busybox" tree/bin/sh
  tar -cf filled.tar -C tree .
  rocker_image import --as rootfs filled.tar filled
}

# Begins to make a container, up to where its volume is filled; its output is in `made`.
make_slowly() { # [RUN-OPTION...]
  rm -f began
  PATH=$PWD/bin:$PATH "$ROCKER" create --name "$TEST_TAG" "$@" -v /data filled sh >made 2>&1 &
  maker=$!
  wait_until 10 test -s began
}
go_on() { echo >go; }

@test "one that is being made: no listing shows it, rm waits for it, its volumes are in use" {
  rocker volume create kept >/dev/null
  make_slowly -v kept:/kept
  run -0 --separate-stderr rocker ps -a
  assert_equal "${#lines[@]}" 1
  assert_equal "$stderr" ''
  run -0 --separate-stderr rocker container prune -f
  assert_equal "$stderr" ''
  run -1 --separate-stderr rocker volume rm kept
  assert_one_error_line "volume kept is used by $TEST_TAG"
  run -0 --separate-stderr rocker volume prune -f
  assert_output 'Total reclaimed space: 0B'
  assert_dir_exist "$ROCKER_ROOT/volumes/kept/_data"
  run -125 --separate-stderr rocker run --name "$TEST_TAG" busybox true
  assert_one_error_line 'is already in use'

  rocker rm -f "$TEST_TAG" >removed 2>&1 &
  local remover=$!
  wait_until 5 pgrep -P "$remover" -f 'container rm' >/dev/null
  go_on
  wait "$maker"
  wait "$remover"
  run -0 cat made
  assert_output --regexp '^[0-9a-f]{64}$'
  assert_equal "$(<removed)" "$TEST_TAG"
  assert_equal "$(ls -A "$ROCKER_ROOT/containers" "$ROCKER_ROOT/names" | grep -E "$TEST_TAG|[0-9a-f]{64}")" ''
  run -0 rocker volume rm kept
}

@test "its maker is killed: it is dead, can't be started, and rm takes all of it" {
  make_slowly
  local id program
  id=$(readlink "$ROCKER_ROOT/names/$TEST_TAG")
  program=$(ps -o ppid= -p "$(<began)" | tr -d ' ')
  kill -9 "$program"
  wait "$maker" || true
  # What filled the volume ends with it.
  is_gone() { ! kill -0 "$(<began)" 2>/dev/null; }
  wait_until 5 is_gone
  run -0 --separate-stderr rocker ps -a --format '{{.Names}} {{.State}} {{.Status}}'
  assert_output "$TEST_TAG dead Dead"
  assert_equal "$stderr" ''
  assert_equal "$(rocker ps -aq --filter status=dead)" "${id:0:12}"
  assert_equal "$(rocker inspect -f '{{.State.Dead}}' "$TEST_TAG")" true
  run -1 --separate-stderr rocker start "$TEST_TAG"
  assert_one_error_line "container $TEST_TAG is not complete: what made it was killed - remove it (rocker rm $TEST_TAG)"
  run -0 rocker rm -v "$TEST_TAG"
  assert_dir_not_exist "$ROCKER_ROOT/containers/$id"
  assert_equal "$(rocker ps -aq)$(rocker volume ls -q)" ''

  # So does prune, with folders that only ever were on their way.
  make_slowly
  kill -9 "$(ps -o ppid= -p "$(<began)" | tr -d ' ')"
  wait "$maker" || true
  mkdir -p "$ROCKER_ROOT/containers/.$id/overlay/upper"
  touch "$ROCKER_ROOT/containers/.$id/lock"
  run -0 rocker container prune -f
  assert_output --partial 'Deleted Containers:'
  assert_equal "$(ls -A "$ROCKER_ROOT/containers" "$ROCKER_ROOT/names" | grep -E "$TEST_TAG|[0-9a-f]{64}")" ''
}

@test "a signal ends the making of one, and takes back what was there" {
  local signal
  for signal in TERM INT HUP; do
    make_slowly
    kill -"$signal" "$(ps -o ppid= -p "$(<began)" | tr -d ' ')"
    run ! wait "$maker"
    assert_equal "$(ls -A "$ROCKER_ROOT/containers" "$ROCKER_ROOT/names" | grep -E "$TEST_TAG|[0-9a-f]{64}")" ''
    assert_equal "$(rocker volume ls -q)" ''
  done
}

@test "rm -f while another starts it: one line at most, and it is gone" {
  for _ in {1..8}; do
    rocker create --name "$TEST_TAG" busybox sleep 1000 >/dev/null
    rocker start "$TEST_TAG" >started 2>&1 &
    run -0 --separate-stderr rocker rm -f "$TEST_TAG"
    assert_equal "$stderr" ''
    wait $! || true
    assert [ "$(wc -l <started)" -le 1 ]
    run -0 --separate-stderr rocker ps -a
    assert_equal "${#lines[@]}" 1
    assert_equal "$stderr" ''
  done
}

@test "rm -v leaves a volume that another container has; rm -f is a kill for the events" {
  local volume
  rocker create --name "$TEST_TAG-a" -v /data busybox true
  volume=$(rocker inspect -f '{{(index .Mounts 0).Name}}' "$TEST_TAG-a")
  rocker run -d --name "$TEST_TAG-b" -v "$volume:/data" busybox sleep 1000
  run -0 rocker rm -v "$TEST_TAG-a"
  assert_dir_exist "$ROCKER_ROOT/volumes/$volume/_data"
  run -0 rocker rm -f "$TEST_TAG-b"
  run -0 rocker events --since 1m --until 0s --filter "container=$TEST_TAG-b" --format '{{.Action}}'
  assert_output $'create\nstart\nkill\ndie\ndestroy'
}
