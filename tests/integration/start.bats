#!/usr/bin/env bats
# start: runtime.md, "Start".

load helpers
load lifecycle

@test "start: runs the program, and returns when it runs" {
  sleeping_bundle b
  create_container "$(new_id)" b
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_success
  assert_output ''
  assert_equal "$stderr" ''
  # Nothing between: it is the program from the first moment on.
  assert_equal "$(tr '\0' ' ' <"/proc/$(container_pid "$(new_id)")/cmdline")" 'sleep 1000 '
  assert_equal "$(container_status "$(new_id)")" running
}

@test "start: only of a created container" {
  sleeping_bundle b
  create_container "$(new_id)" b
  rocker_runc start "$(new_id)"
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_failure 1
  assert_one_error_line 'it is running'
  assert_equal "$(container_status "$(new_id)")" running
  rocker_runc kill "$(new_id)" KILL
  wait_until 5 is_status "$(new_id)" stopped
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_failure 1
  assert_one_error_line 'it is stopped'
}

@test "start: of no container" {
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_failure 1
  assert_one_error_line "container \"$(new_id)\" does not exist"
  run --separate-stderr rocker_runc start
  assert_failure 1
  assert_one_error_line 'ID is required'
}

@test "start: a program that can't be executed is the error of start, which says why" {
  sleeping_bundle b '.process.args = ["/program"]'
  cp b/rootfs/bin/busybox b/rootfs/program
  create_container "$(new_id)" b
  rm b/rootfs/program
  run -127 --separate-stderr rocker_runc start "$(new_id)"
  assert_one_error_line /program
  wait_until 5 is_status "$(new_id)" stopped
  rocker_runc delete "$(new_id)"
  assert_nothing_made
}

@test "start: without a process there is nothing to start" {
  sleeping_bundle b 'del(.process)'
  create_container "$(new_id)" b
  assert_equal "$(container_status "$(new_id)")" created
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_failure 1
  assert_one_error_line process
  rocker_runc delete -f "$(new_id)"
  assert_nothing_made
}
