#!/usr/bin/env bats
# What containers with --rm leave behind: nothing.

load helpers

setup() { setup_containers; }

no_process() { ! pgrep -f "$ROCKER_ROOT" >/dev/null; }

assert_nothing_left() {
  assert_equal "$(ls -A "$ROCKER_ROOT/containers")" ''
  assert_equal "$(ls -A "$ROCKER_ROOT/names" | grep -v '^\.lock$' || :)" ''
  run cat /proc/self/mounts
  refute_output --partial "$ROCKER_ROOT"
  assert_no_leftovers "${ids[@]}"
}

@test "50 containers with --rm one after another leave no cgroup, mount, process or folder" {
  local i ids=()
  for i in {1..50}; do
    case $((i % 3)) in
      0) ids+=("$(rocker run --rm --image busybox hostname </dev/null)") ;;
      1) ids+=("$(rocker run --rm -t --image busybox hostname </dev/null | tr -d '\r')") ;;
      2) ids+=("$(rocker run --rm -d --image busybox true | cut -c 1-12)") ;;
    esac
  done
  wait_until 10 bash -c "[[ -z \$(ls -A '$ROCKER_ROOT/containers') ]]"
  wait_until 10 no_process
  assert_equal "${#ids[@]}" 50
  assert_nothing_left
}

@test "20 containers with --rm at once leave nothing either" {
  local i ids=()
  for i in {1..20}; do
    rocker run --rm $([[ $((i % 2)) = 0 ]] || echo -t) --image busybox sh -c 'hostname; sleep 0.3' >"out.$i" 2>&1 </dev/null 3>&- &
  done
  wait
  for i in {1..20}; do
    [[ $(tr -d '\r' <"out.$i") =~ ^[0-9a-f]{12}$ ]] || fail "$(cat "out.$i")"
    ids+=("$(tr -d '\r' <"out.$i")")
  done
  wait_until 10 bash -c "[[ -z \$(ls -A '$ROCKER_ROOT/containers') ]]"
  wait_until 10 no_process
  assert_nothing_left
}
