#!/usr/bin/env bats
# process.oomScoreAdj: config.md, "Linux Process".

load helpers
load process

@test "oomScoreAdj: is set, and not changed when it is not there" {
  make_bundle b '.process.args = ["cat", "/proc/self/oom_score_adj"] | .process.oomScoreAdj = 321'
  run run_bundle b
  assert_success
  assert_output 321
  assert_same_as b runc crun
  edit_config b 'del(.process.oomScoreAdj)'
  run run_bundle b
  assert_output "$(cat /proc/self/oom_score_adj)"
}

@test "oomScoreAdj: zero is a value" {
  make_bundle b '.process.args = ["cat", "/proc/self/oom_score_adj"] | .process.oomScoreAdj = 0'
  run bash -c "echo 17 >/proc/self/oom_score_adj && exec '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id) </dev/null"
  if [[ $status = 0 ]]; then
    assert_output 0
  else
    # Lowering it needs CAP_SYS_RESOURCE.
    assert_output --partial oomScoreAdj
  fi
}

@test "oomScoreAdj: exec" {
  make_bundle b '.process.args = ["sleep", "100"] | .process.oomScoreAdj = 100'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" cat /proc/self/oom_score_adj
  assert_output 100
  jq '.process | .args = ["cat", "/proc/self/oom_score_adj"] | .oomScoreAdj = 500' b/config.json >p.json
  run rocker_runc exec --process p.json "$(new_id)"
  assert_output 500
}

@test "oomScoreAdj: out of range is refused" {
  make_bundle b '.process.oomScoreAdj = 5000'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line oomScoreAdj
  assert_no_leftovers
}
