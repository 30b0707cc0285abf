#!/usr/bin/env bats
# delete: runtime.md, "Delete".

load helpers
load lifecycle

@test "delete: a stopped container" {
  make_bundle b '.process.args = ["true"]'
  rocker_runc run --keep b "$(new_id)" </dev/null
  run --separate-stderr rocker_runc delete "$(new_id)"
  assert_success
  assert_equal "$output$stderr" ''
  assert_nothing_made
  run --separate-stderr rocker_runc delete "$(new_id)"
  assert_failure 1
  assert_one_error_line 'does not exist'
  # Its ID may be used again.
  rocker_runc run b "$(new_id)" </dev/null
}

@test "delete: one that is not stopped is refused and not touched" {
  sleeping_bundle b
  create_container "$(new_id)" b
  run --separate-stderr rocker_runc delete "$(new_id)"
  assert_failure 1
  assert_one_error_line 'it is created and not stopped'
  assert_equal "$(container_status "$(new_id)")" created
  rocker_runc start "$(new_id)"
  run --separate-stderr rocker_runc delete "$(new_id)"
  assert_failure 1
  assert_one_error_line 'it is running and not stopped'
  assert_equal "$(container_status "$(new_id)")" running
}

@test "delete: --force kills first" {
  sleeping_bundle b
  create_container "$(new_id one)" b
  run_detached "$(new_id two)" b
  local id pid
  for id in one two; do
    pid=$(container_pid "$(new_id "$id")")
    run --separate-stderr rocker_runc delete --force "$(new_id "$id")"
    assert_success
    assert_equal "$output$stderr" ''
    is_gone "$pid"
  done
  assert_nothing_made
}

@test "delete: --force of no container is no error" {
  run --separate-stderr rocker_runc delete -f "$(new_id)"
  assert_success
  assert_equal "$output$stderr" ''
}

@test "delete: what is left of a container without a pid namespace goes too" {
  make_bundle b '.linux.namespaces |= map(select(.type != "pid")) | .process.args = ["sh", "-c", "sleep 1111 & echo $! >/child"]'
  run_detached "$(new_id)" b
  wait_until 5 is_status "$(new_id)" stopped
  rocker_runc delete "$(new_id)"
  wait_until 5 is_gone "$(cat b/rootfs/child)"
  assert_nothing_made
}

@test "delete: groups that the container has made below its own go too" {
  make_bundle b '.process.args = ["sh", "-c", $script] | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)' \
    --arg script 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir -p $d/sub/deep 2>/dev/null; done; sleep 1000'
  run_detached "$(new_id)" b
  rocker_runc delete -f "$(new_id)"
  assert_nothing_made
}

@test "delete: files of the bundle stay" {
  make_bundle b '.process.args = ["touch", "/file"]'
  rocker_runc run --keep b "$(new_id)" </dev/null
  rocker_runc delete "$(new_id)"
  assert_exists b/rootfs/file
  assert_exists b/config.json
}
