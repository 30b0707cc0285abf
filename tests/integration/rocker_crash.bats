#!/usr/bin/env bats
# kill -9 of what a container consists of, one process at a time: ps -a tells the truth, rm leaves nothing.

load helpers

setup() { setup_containers; }

status_of() { rocker ps -a --format '{{.State}}' --filter "name=$1"; }
is_status() { [[ $(status_of "$1") = "$2" ]]; }

assert_removes() { # NAME ID
  run -0 rocker rm -f "$1"
  assert_dir_not_exist "$ROCKER_ROOT/containers/$2"
  assert_equal "$(rocker ps -aq)" ''
  wait_until 5 nothing_of "$2"
  run cat /proc/self/mounts
  refute_output --partial "$ROCKER_ROOT"
  assert_no_leftovers "$2"
}
nothing_of() { ! pgrep -f "$1" >/dev/null; }

@test "the container's first process is killed: it has exited with 137" {
  local id
  id=$(rocker run -d --name "$TEST_TAG" --image busybox sleep 1000)
  kill -9 "$(cat "$ROCKER_ROOT/containers/$id/pid")"
  wait_until 5 is_status "$TEST_TAG" exited
  # conmon's exit command notes it down a moment after the process is gone.
  has_code() { [[ $(rocker inspect -f '{{.State.ExitCode}}' "$TEST_TAG") = 137 ]]; }
  wait_until 5 has_code
  run cat /proc/self/mounts
  refute_output --partial "$ROCKER_ROOT"
  assert_removes "$TEST_TAG" "$id"
}

@test "conmon is killed: the container is seen to run, can be stopped and removed" {
  local id
  id=$(rocker run -d --name "$TEST_TAG" --image busybox sleep 1000)
  kill -9 "$(cat "$ROCKER_ROOT/containers/$id/conmon.pid")"
  run -0 status_of "$TEST_TAG"
  assert_output running
  run -0 rocker exec "$TEST_TAG" echo alive
  assert_output alive
  run -0 rocker stop -t 0 "$TEST_TAG"
  run -0 status_of "$TEST_TAG"
  assert_output exited
  # It can be started again.
  run -0 rocker start "$TEST_TAG"
  run -0 rocker exec "$TEST_TAG" echo again
  assert_output again
  assert_removes "$TEST_TAG" "$id"
}

@test "both are killed at once, as at a power cut" {
  local id
  id=$(rocker run -d --name "$TEST_TAG" --image busybox sleep 1000)
  kill -9 "$(cat "$ROCKER_ROOT/containers/$id/conmon.pid")" "$(cat "$ROCKER_ROOT/containers/$id/pid")"
  wait_until 5 is_status "$TEST_TAG" exited
  run -0 rocker start "$TEST_TAG"
  run -0 status_of "$TEST_TAG"
  assert_output running
  assert_removes "$TEST_TAG" "$id"
}

@test "the runtime of a foreground run is killed: the container is seen, and removed" {
  "$ROCKER" run --rm --name "$TEST_TAG" --image busybox sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
  local runtime=$! id
  wait_until 5 is_status "$TEST_TAG" running
  id=$(rocker inspect -f '{{.Id}}' "$TEST_TAG")
  kill -9 "$runtime"
  wait "$runtime" || :
  run -0 status_of "$TEST_TAG"
  assert_output running
  assert_removes "$TEST_TAG" "$id"
}

@test "the client is killed: the container goes on, and another attaches" {
  "$ROCKER" run --name "$TEST_TAG" --image busybox sh -c 'while :; do echo tick; sleep 0.1; done' </dev/null >/dev/null 2>&1 3>&- &
  local client=$! id
  wait_until 5 is_status "$TEST_TAG" running
  id=$(rocker inspect -f '{{.Id}}' "$TEST_TAG")
  kill -9 "$client"
  wait "$client" || :
  run -0 status_of "$TEST_TAG"
  assert_output running
  run timeout -s KILL 1 "$ROCKER" attach --no-stdin "$TEST_TAG"
  assert_line tick
  assert_removes "$TEST_TAG" "$id"
}

@test "the loop of its health check is killed: the next ps or inspect goes on with it" {
  local id loop look
  id=$(rocker run -d --name "$TEST_TAG" --health-cmd 'test -e /ok' --health-interval 100ms --image busybox sleep 1000)
  loop="container health $id"
  wait_until 5 pgrep -f "$loop" >/dev/null
  for look in 'ps -q' "inspect $TEST_TAG"; do
    pkill -9 -f "$loop"
    wait_until 5 nothing_of "$loop"
    # shellcheck disable=SC2086
    rocker $look >/dev/null
    wait_until 5 pgrep -f "$loop" >/dev/null
  done
  # Whoever looks meanwhile starts no second one.
  rocker ps >/dev/null
  rocker inspect "$TEST_TAG" >/dev/null
  rocker exec "$TEST_TAG" touch /ok
  is_healthy() { rocker ps --format '{{.Status}}' | grep -q '(healthy)'; }
  wait_until 5 is_healthy
  assert_equal "$(pgrep -fc "$loop")" 1
  assert_removes "$TEST_TAG" "$id"
}

@test "the init of --init is killed: the container ends with it" {
  needs command catatonit
  local id
  id=$(rocker run -d --init --name "$TEST_TAG" --image busybox sleep 1000)
  kill -9 "$(cat "$ROCKER_ROOT/containers/$id/pid")"
  wait_until 5 is_status "$TEST_TAG" exited
  has_code() { [[ $(rocker inspect -f '{{.State.ExitCode}}' "$TEST_TAG") = 137 ]]; }
  wait_until 5 has_code
  assert_removes "$TEST_TAG" "$id"
}

@test "prune takes what a crash has left" {
  local id
  id=$(rocker run -d --name "$TEST_TAG" --image busybox sleep 1000)
  kill -9 "$(cat "$ROCKER_ROOT/containers/$id/conmon.pid")" "$(cat "$ROCKER_ROOT/containers/$id/pid")"
  wait_until 5 is_status "$TEST_TAG" exited
  run -0 rocker container prune -f
  assert_output --partial "$id"
  assert_dir_not_exist "$ROCKER_ROOT/containers/$id"
  run cat /proc/self/mounts
  refute_output --partial "$ROCKER_ROOT"
}

@test "what users take away by hand is missed by its name, and rm -f cleans up" {
  local id
  id=$(rocker run -d --name "$TEST_TAG" --image busybox true)
  wait_until 5 is_status "$TEST_TAG" exited
  rocker wait "$TEST_TAG"  # and noted down
  rm "$ROCKER_ROOT/containers/$id/container.json"
  run -0 --separate-stderr rocker ps -a
  assert_regex "$stderr" 'container.json: is missing'
  run -0 rocker rm -f "$id"
  assert_dir_not_exist "$ROCKER_ROOT/containers/$id"
  # The name is free again, whatever the link says.
  run -0 rocker run --name "$TEST_TAG" --image busybox echo again
  assert_output again
}

@test "a damaged container.json: rm names the cure, which frees the name" {
  local id
  id=$(rocker create --name "$TEST_TAG" busybox true)
  echo '{' >"$ROCKER_ROOT/containers/$id/container.json"
  run -1 --separate-stderr rocker rm "$TEST_TAG"
  assert_one_error_line "rocker rm -f ${id:0:12}"
  run -0 --separate-stderr rocker container prune -f
  [[ $stderr = *"rocker rm -f ${id:0:12}"* ]] || fail "prune does not say so: $stderr"
  rocker rm -f "$TEST_TAG"
  rocker create --name "$TEST_TAG" busybox true
}
