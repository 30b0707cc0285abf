#!/usr/bin/env bats
# process.scheduler: config.md, "Linux Process".

load helpers
load process

scheduled() { # JSON
  edit_config b '.process.scheduler = ($s | fromjson)' --arg s "$1"
  run --separate-stderr run_bundle b
}

@test "scheduler: a policy with its nice value" {
  probe_bundle b '.process.args = ["probe", "sched"]'
  scheduled '{"policy": "SCHED_BATCH", "nice": 7}'
  assert_output --partial 'policy=3 flags=0 nice=7 '
  scheduled '{"policy": "SCHED_IDLE"}'
  assert_output --partial 'policy=5 flags=0 nice=0 '
  scheduled '{"policy": "SCHED_OTHER", "nice": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
  assert_output --partial 'policy=0 flags=1 nice=3 '
}

@test "scheduler: real time and deadline, or the reason why not" {
  probe_bundle b '.process.args = ["probe", "sched"]'
  scheduled '{"policy": "SCHED_FIFO", "priority": 10}'
  # With cgroup v1's cpu controller a group has no real-time share of its own.
  if [[ $status = 0 ]]; then
    assert_output --partial 'policy=1 flags=0 nice=0 priority=10 '
  else
    assert_one_error_line '/process/scheduler: setting SCHED_FIFO'
  fi
  scheduled '{"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 5000000, "period": 10000000}'
  if [[ $status = 0 ]]; then
    assert_output --partial 'policy=6 flags=0 nice=0 priority=0 runtime=1000000 deadline=5000000 period=10000000'
  else
    assert_one_error_line '/process/scheduler: setting SCHED_DEADLINE'
  fi
  assert_no_leftovers
}

@test "scheduler: exec has a scheduler of its own" {
  probe_bundle b '.process.args = ["sleep", "100"] | .process.scheduler = {policy: "SCHED_BATCH", nice: 5}'
  run_detached "$(new_id)" b
  jq '.process | .args = ["probe", "sched"] | .scheduler = {policy: "SCHED_IDLE"}' b/config.json >p.json
  run rocker_runc exec --process p.json "$(new_id)"
  assert_output --partial 'policy=5 '
}

@test "scheduler: what makes no sense is refused" {
  make_bundle b
  scheduled '{"policy": "SCHED_NOPE"}'
  assert_failure 1
  assert_one_error_line SCHED_NOPE
  scheduled '{"policy": "SCHED_OTHER", "nice": 40}'
  assert_failure 1
  assert_one_error_line '40 is not between -20 and 19'
  scheduled '{"policy": "SCHED_BATCH", "priority": 3}'
  assert_failure 1
  assert_one_error_line 'only SCHED_FIFO and SCHED_RR'
  scheduled '{"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_NOPE"]}'
  assert_failure 1
  assert_one_error_line SCHED_FLAG_NOPE
  assert_no_leftovers
}
