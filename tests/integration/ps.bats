#!/usr/bin/env bats
# rocker-runc ps.
# vm: v2 systemd

load helpers
load cgroup_helpers

@test "json: the pids of the host, also of groups below" {
  start_limited c
  local id pid
  id=$(new_id c)
  pid=$(container_pid "$id")
  run rocker_runc ps --format json "$id"
  assert_output "[$pid]"
  rocker_runc exec --detach --pid-file exec.pid "$id" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
  local below
  below=$(cgroup_dir devices "$pid")/below
  mkdir "$below"
  cat exec.pid >"$below/cgroup.procs"
  run rocker_runc ps -f json "$id"
  assert_json 'sort' "$(printf '%s\n%s\n' "$pid" "$(cat exec.pid)" | sort -n | jq -cs .)"
}

@test "table: ps's own, of the container's processes alone" {
  start_limited c
  local id pid
  id=$(new_id c)
  pid=$(container_pid "$id")
  run rocker_runc ps "$id"
  assert_success
  assert_equal "${#lines[@]}" 2
  assert_regex "${lines[0]}" 'UID +PID'
  assert_regex "${lines[1]}" " $pid .*sleep 1000"
  run rocker_runc ps "$id" -o pid,comm
  assert_equal "${#lines[@]}" 2
  assert_regex "${lines[1]}" "^ *$pid sleep$"
  run rocker_runc ps "$id" -e -x -o user,pid
  assert_regex "${lines[1]}" "$pid\$"
}

@test "errors: no PID column, options that ps does not know, no such container" {
  start_limited c
  run rocker_runc ps "$(new_id c)" -o comm
  assert_failure
  assert_output --partial PID
  run rocker_runc ps "$(new_id c)" --nosuch
  assert_failure
  run --separate-stderr rocker_runc ps "$(new_id nosuch)"
  assert_failure
  assert_one_error_line 'does not exist'
  run --separate-stderr rocker_runc ps --format xml "$(new_id c)"
  assert_failure
  assert_one_error_line format
}

@test "one that has ended has none" {
  limited_bundle c '{}' '.process.args = ["true"]'
  run_detached "$(new_id c)" c
  wait_until 10 is_stopped "$(new_id c)"
  run rocker_runc ps --format json "$(new_id c)"
  assert_success
  assert_output '[]'
}
