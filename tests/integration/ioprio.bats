#!/usr/bin/env bats
# process.ioPriority: config.md, "Linux Process".

load helpers
load process

@test "ioprio: class and priority" {
  probe_bundle b '.process.args = ["probe", "ioprio"] | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
  run run_bundle b
  assert_success
  assert_output 'class=2 priority=6'
  edit_config b '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
  run run_bundle b
  assert_output 'class=3 priority=0'
}

@test "ioprio: all processes of the container have it, and exec its own" {
  probe_bundle b '.process.args = ["sh", "-c", "probe ioprio & wait; sleep 100"]
    | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 5}'
  run_detached "$(new_id)" b
  wait_until 10 grep -q 'class=2 priority=5' "$(new_id).log"
  jq '.process | .args = ["probe", "ioprio"] | .ioPriority.priority = 2' b/config.json >p.json
  run rocker_runc exec --process p.json "$(new_id)"
  assert_output 'class=2 priority=2'
}

@test "ioprio: what does not exist is refused" {
  make_bundle b '.process.ioPriority = {class: "IOPRIO_CLASS_NOPE", priority: 0}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line IOPRIO_CLASS_NOPE
  edit_config b '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '0 and 7'
}
