#!/usr/bin/env bats
# rocker-runc events.
# vm: v2 systemd

load helpers
load cgroup_helpers

@test "--stats: one line of JSON with what the container has used" {
  start_limited c '{"memory": {"limit": 104857600}, "pids": {"limit": 20}}'
  run rocker_runc events --stats "$(new_id c)"
  assert_success
  assert_equal "${#lines[@]}" 1
  assert_json '[.type, .id]' "[\"stats\",\"$(new_id c)\"]"
  assert_json '.data.pids' '{"current":1,"limit":20}'
  assert_json '.data.memory.usage.limit' 104857600
  assert_json '.data.memory.usage.usage > 0' true
  assert_json '.data.cpu.usage.total > 0' true
  assert_json '.data.memory.raw | length > 10' true
  assert_json '.data.cpuset.cpus | length > 0' true
  [[ ! -e /proc/pressure/memory || $(cgroup_mode) = v1 ]] || assert_json '.data.memory.psi.some | has("avg10", "total")' true ||
    assert_json '.data.memory.psi.some | keys' '["avg10","avg300","avg60","total"]'
}

@test "--stats: runc has no member that we have not" {
  needs peer runc
  start_limited c '{"memory": {"limit": 104857600}, "pids": {"limit": 20}, "cpu": {"quota": 50000}}'
  rocker_runc events --stats "$(new_id c)" | jq -c '[paths(scalars) | map(select(type == "string")) | join(".")] | unique | .[]' >ours
  limited_bundle peer '{"memory": {"limit": 104857600}, "pids": {"limit": 20}, "cpu": {"quota": 50000}}'
  if by_systemd; then runc --root "$TEST_DIR/peer-runc" --systemd-cgroup run -d -b peer "$TEST_TAG-peer"; else runc_ run -d -b peer "$TEST_TAG-peer"; fi \
    </dev/null >peer.log 2>&1 3>&- 4>&- || { skip "runc can't run it: $(tail -n 1 peer.log)"; }
  runc_ events --stats "$TEST_TAG-peer" | jq -c '[paths(scalars) | map(select(type == "string")) | join(".")] | unique | .[]' >theirs
  # Members that are left out at zero depend on the moment.
  run comm -13 <(sort ours) <(grep -vE 'raw|failcnt|\.max"|usage"|throttl|blkio|percpu' theirs | sort)
  assert_output ''
}

@test "--interval: again and again, until the container is gone" {
  start_limited c
  local id
  id=$(new_id c)
  rocker_runc events --interval 100ms "$id" >events 2>err 3>&- 4>&- &
  wait_until 10 bash -c '[[ $(wc -l <events) -ge 3 ]]'
  rocker_runc delete -f "$id"
  wait_until 10 bash -c "! kill -0 $! 2>/dev/null"
  run jq -r .type events
  assert_line stats
  [[ ! -s err ]]
}

@test "an OOM is told at once" {
  needs controller memory
  limited_bundle c '{"memory": {"limit": 33554432, "swap": 33554432}}' \
    '.process.args = ["sh", "-c", "while :; do dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null; sleep 0.5; done"]'
  run_detached "$(new_id c)" c
  rocker_runc events --interval 1h "$(new_id c)" >events 2>err 3>&- 4>&- &
  local events=$!
  wait_until 20 grep -q oom events
  kill "$events"
  assert_equal "$(head -n 1 events)" "{\"type\":\"oom\",\"id\":\"$(new_id c)\"}"
}

@test "an OOM that ends the container is told, also when it is removed at once" {
  needs controller memory
  needs cgroup v1
  local round id
  for round in 1 2 3 4 5; do
    limited_bundle c '{"memory": {"limit": 16777216, "swap": 16777216}}' '.process.args = ["sh", "-c",
      "until [ -e /mnt/go ]; do :; done; exec dd if=/dev/zero of=/dev/null bs=200M count=1"]
      | .mounts += [{destination: "/mnt", type: "bind", source: $dir, options: ["bind", "ro"]}]' --arg dir "$TEST_DIR"
    id=$(new_id c$round)
    rm -f go
    rocker_runc run -b c "$id" </dev/null >out 2>&1 3>&- 4>&- &
    wait_until 10 bash -c "[[ \$('$ROCKER_RUNC' --root '$RUNC_ROOT' state '$id' 2>/dev/null) = *running* ]]"
    rocker_runc events --interval 1h "$id" >events 2>err 3>&- 4>&- &
    local events=$!
    sleep 0.3
    touch go
    wait "$events"
    assert_equal "$(cat events)" "{\"type\":\"oom\",\"id\":\"$id\"}"
  done
}

@test "--memory-pressure: told when memory gets short" {
  needs controller memory
  if on_v2; then
    [[ -e /proc/pressure/memory ]] || skip 'needs pressure stall information (psi=1)'
    # Above memory.high each allocation has to wait, which is what pressure is counted in.
    start_limited c '{"unified": {"memory.high": "8388608"}}' '.process.args = ["sh", "-c",
      "sleep 1; while :; do dd if=/dev/zero of=/dev/null bs=24M count=1; done 2>/dev/null"]'
  else
    dd if=/dev/zero of=big bs=1M count=100 2>/dev/null
    sync big
    start_limited c '{"memory": {"limit": 33554432, "swap": 33554432}}' '.process.args = ["sh", "-c",
      "sleep 1; while :; do dd if=/mnt/big of=/dev/null bs=1M; done 2>/dev/null"]
      | .mounts += [{destination: "/mnt", type: "bind", source: $dir, options: ["bind", "ro"]}]' --arg dir "$TEST_DIR"
    echo 1 >/proc/sys/vm/drop_caches 2>/dev/null || :
  fi
  rocker_runc events --interval 1h --memory-pressure low "$(new_id c)" >events 2>err 3>&- 4>&- &
  local events=$!
  sleep 1
  kill -0 "$events" || { cat err >&2; fail 'events ended'; }
  wait_until 30 grep -q memory_pressure events
  kill "$events"
  jq -e 'select(.type == "memory_pressure") | .data.level == "low"' events
}

@test "errors in one line" {
  start_limited c
  local bad
  for bad in 0 0s -1s 5 5x s 1e3s ''; do
    run --separate-stderr rocker_runc events --interval "$bad" "$(new_id c)"
    assert_failure
    assert_one_error_line interval
  done
  run --separate-stderr rocker_runc events --memory-pressure much "$(new_id c)"
  assert_failure
  assert_one_error_line pressure
  run --separate-stderr rocker_runc events --stats "$(new_id nosuch)"
  assert_failure
  assert_one_error_line 'does not exist'
  rocker_runc kill "$(new_id c)" KILL
  wait_until 10 is_stopped "$(new_id c)"
  run --separate-stderr rocker_runc events --stats "$(new_id c)"
  assert_failure
  assert_one_error_line 'not running'
}
