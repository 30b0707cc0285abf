#!/usr/bin/env bats
# list, of rocker-runc.

load helpers
load lifecycle

@test "list: nothing, when there is nothing" {
  run --separate-stderr rocker_runc list
  assert_success
  assert_equal "$(tr -s ' ' <<<"$output")" 'ID PID STATUS BUNDLE CREATED OWNER'
  assert_equal "$stderr" ''
  run --separate-stderr rocker_runc list -q
  assert_success
  assert_output ''
  run rocker_runc list -f json
  assert_success
  assert_output '[]'
  # Looking makes nothing.
  assert_not_exists "$RUNC_ROOT"
}

@test "list: table, json and IDs say the same" {
  sleeping_bundle b
  create_container "$(new_id one)" b
  run_detached "$(new_id two)" b
  run rocker_runc list
  assert_success
  assert_equal "${#lines[@]}" 3
  assert_line --index 0 --regexp '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
  assert_line --index 1 --regexp "^$(new_id one) +$(container_pid "$(new_id one)") +created +$TEST_DIR/b +[0-9TZ:.-]+ +root\$"
  assert_line --index 2 --regexp "^$(new_id two) +$(container_pid "$(new_id two)") +running +$TEST_DIR/b +[0-9TZ:.-]+ +root\$"
  run rocker_runc list --quiet
  assert_output "$(new_id one)"$'\n'"$(new_id two)"
  run rocker_runc list --format json
  assert_json 'map(.status)' '["created","running"]'
  assert_json '.[1]' "$(rocker_runc state "$(new_id two)" | jq -c .)"
}

@test "list: a broken container does not hide the others" {
  sleeping_bundle b
  create_container "$(new_id one)" b
  create_container "$(new_id two)" b
  echo '{"version": ' >"$RUNC_ROOT/$(new_id one)/state.json"
  run --separate-stderr rocker_runc list -q
  assert_success
  assert_output "$(new_id two)"
  [[ $stderr == *"$(new_id one)"* && ${#stderr_lines[@]} = 1 ]]
}

@test "list: a format that is none" {
  run --separate-stderr rocker_runc list -f yaml
  assert_failure 1
  assert_one_error_line yaml
}
