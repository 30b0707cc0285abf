#!/usr/bin/env bats
# process.user.umask: config.md, "User".

load helpers
load process

@test "umask: is set, and otherwise the caller's" {
  make_bundle b '.process.args = ["sh", "-c", "umask"] | .process.user.umask = 63'
  run run_bundle b
  assert_output 0077
  assert_same_as b runc crun
  edit_config b 'del(.process.user.umask)'
  run bash -c "umask 0027; exec '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id) </dev/null"
  assert_output 0027
}

@test "umask: what the runtime makes does not depend on it" {
  make_bundle b '.process.args = ["sh", "-c", "stat -c %a /dev/null /dev/pts/ptmx /new; umask"] | .process.cwd = "/new"
    | .process.user.umask = 511'
  run bash -c "umask 0777; exec '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id) </dev/null"
  assert_success
  assert_line --index 0 666
  assert_line --index 1 666
  assert_line --index 2 755
  assert_line --index 3 0777
}

@test "umask: exec" {
  make_bundle b '.process.args = ["sleep", "100"] | .process.user.umask = 63'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" sh -c umask
  assert_output 0077
}
