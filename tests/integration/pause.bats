#!/usr/bin/env bats
# rocker-runc pause and resume.
# vm: v2 systemd

load helpers
load cgroup_helpers

ticks() { cat "$TEST_DIR/share/n" 2>/dev/null || echo 0; }
moved_on() { [[ $(ticks) -gt $1 ]]; }

start_ticking() {
  mkdir share
  start_limited c '{}' '.process.args = ["sh", "-c", "n=0; while :; do n=$((n+1)); echo $n >/mnt/n.new; mv /mnt/n.new /mnt/n; sleep 0.02; done"]
    | .mounts += [{destination: "/mnt", type: "bind", source: $share, options: ["bind", "rw"]}]' --arg share "$TEST_DIR/share"
  wait_until 10 moved_on 0
}

@test "everything stands still, and goes on" {
  start_ticking
  local id before
  id=$(new_id c)
  rocker_runc pause "$id"
  assert_equal "$(container_status "$id")" paused
  before=$(ticks)
  sleep 0.5
  assert_equal "$(ticks)" "$before"
  rocker_runc resume "$id"
  assert_equal "$(container_status "$id")" running
  wait_until 10 moved_on "$before"
}

@test "what can't be paused or resumed is said in one line" {
  start_limited c
  local id
  id=$(new_id c)
  run --separate-stderr rocker_runc resume "$id"
  assert_failure
  assert_one_error_line 'not paused'
  rocker_runc pause "$id"
  run --separate-stderr rocker_runc pause "$id"
  assert_failure
  assert_one_error_line 'not running'
  rocker_runc resume "$id"
  run --separate-stderr rocker_runc pause "$(new_id nosuch)"
  assert_failure
  assert_one_error_line 'does not exist'
  rocker_runc kill "$id" KILL
  wait_until 10 is_stopped "$id"
  run --separate-stderr rocker_runc pause "$id"
  assert_failure
  assert_one_error_line 'not running'
}

@test "one that is created can be paused, resumed and started" {
  limited_bundle c
  local id
  id=$(new_id c)
  rocker_runc create --bundle c "$id" </dev/null >log 2>&1 3>&- 4>&-
  rocker_runc pause "$id"
  rocker_runc resume "$id"
  rocker_runc start "$id"
  assert_equal "$(container_status "$id")" running
}

@test "a paused one is killed and deleted" {
  start_limited c
  rocker_runc pause "$(new_id c)"
  rocker_runc kill "$(new_id c)" KILL
  wait_until 10 is_stopped "$(new_id c)"
  rocker_runc delete "$(new_id c)"
  start_limited d
  rocker_runc pause "$(new_id d)"
  rocker_runc delete --force "$(new_id d)"
  assert_nothing_of c
  assert_nothing_of d
}

@test "a group above that is frozen: resume says that nothing runs" {
  ! by_systemd || skip 'systemd makes the group'
  start_limited c '{}' '.linux.cgroupsPath = $path' --arg path "/$TEST_TAG/above/c"
  local above=/sys/fs/cgroup/freezer/$TEST_TAG/above on=FROZEN off=THAWED file=freezer.state
  if on_v2; then above=/sys/fs/cgroup/$TEST_TAG/above on=1 off=0 file=cgroup.freeze; fi
  rocker_runc pause "$(new_id c)"
  echo "$on" >"$above/$file"
  run --separate-stderr rocker_runc resume "$(new_id c)"
  assert_failure 1
  assert_one_error_line 'a group above it is frozen'
  # What was asked for holds as soon as the one above lets it.
  echo "$off" >"$above/$file"
  is_running() { [[ $(container_status "$(new_id c)") = running ]]; }
  wait_until 5 is_running
}
