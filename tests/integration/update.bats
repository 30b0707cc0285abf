#!/usr/bin/env bats
# rocker-runc update: every option, and JSON as engines send it.
# vm: v2 systemd

load helpers
load cgroup_helpers

update() { rocker_runc update "$@"; }

@test "memory: up and down, with swap, in an order that the kernel takes" {
  needs controller memory
  local id
  start_limited c '{"memory": {"limit": 33554432, "swap": 33554432}}'
  id=$(new_id c)
  update --memory 64m --memory-swap 96m "$id"
  assert_group c memory/memory.limit_in_bytes 67108864 memory.max 67108864
  assert_group c memory/memory.memsw.limit_in_bytes 100663296 memory.swap.max 33554432
  update --memory 32m --memory-swap 32m "$id"
  assert_group c memory/memory.limit_in_bytes 33554432 memory.max 33554432
  assert_group c memory/memory.memsw.limit_in_bytes 33554432 memory.swap.max 0
  update --memory-reservation 16m "$id"
  assert_group c memory/memory.soft_limit_in_bytes 16777216 memory.low 16777216
  update --memory -1 "$id"
  assert_group c memory/memory.limit_in_bytes 9223372036854771712 memory.max max
  assert_group c memory/memory.memsw.limit_in_bytes 9223372036854771712 memory.swap.max max
}

@test "memory and swap together alone: what is memory stays" {
  needs controller memory
  start_limited c '{"memory": {"limit": 33554432, "swap": 33554432}}'
  update --memory-swap 48m "$(new_id c)"
  assert_group c memory/memory.limit_in_bytes 33554432 memory.max 33554432
  assert_group c memory/memory.memsw.limit_in_bytes 50331648 memory.swap.max 16777216
}

@test "cpu: share, quota, period, burst, idle" {
  needs controller cpu
  local id
  start_limited c '{"cpu": {"quota": 20000, "period": 100000}}'
  id=$(new_id c)
  update --cpu-share 2048 "$id"
  assert_group c cpu/cpu.shares 2048 cpu.weight 174
  update --cpu-quota 30000 "$id"
  assert_group c cpu/cpu.cfs_quota_us 30000 cpu.max '30000 100000'
  update --cpu-period 50000 "$id"
  assert_group c cpu/cpu.cfs_period_us 50000 cpu.max '30000 50000'
  assert_group c cpu/cpu.cfs_quota_us 30000 cpu.max '30000 50000'
  update --cpu-burst 20000 "$id"
  assert_group c cpu/cpu.cfs_burst_us 20000 cpu.max.burst 20000
  update --cpu-quota 10000 --cpu-burst 5000 --cpu-period 200000 "$id"
  assert_group c cpu/cpu.cfs_quota_us 10000 cpu.max '10000 200000'
  assert_group c cpu/cpu.cfs_burst_us 5000 cpu.max.burst 5000
  update --cpu-quota -1 --cpu-burst 0 "$id"
  # systemd has one period for all that are not limited.
  assert_group c cpu/cpu.cfs_quota_us -1 cpu.max "max $(by_systemd && echo 100000 || echo 200000)"
  update --cpu-idle 1 "$id"
  assert_group c cpu/cpu.idle 1 cpu.idle 1
  update --cpu-idle 0 --cpu-share 512 "$id"
  assert_group c cpu/cpu.idle 0 cpu.idle 0
  assert_group c cpu/cpu.shares 512 cpu.weight 59
}

@test "cpu: shares for a group that is idle take it out of that" {
  needs controller cpu
  local id
  start_limited c
  id=$(new_id c)
  update --cpu-idle 1 "$id"
  update --cpu-share 512 "$id"
  assert_group c cpu/cpu.idle 0 cpu.idle 0
  assert_group c cpu/cpu.shares 512 cpu.weight 59
}

@test "an update of which the kernel refuses a part changes nothing" {
  needs controller memory
  needs controller cpu
  needs controller cpuset
  needs controller pids
  local id
  start_limited c '{"memory": {"limit": 67108864, "swap": 67108864}, "pids": {"limit": 20},
    "cpu": {"shares": 512, "quota": 40000, "period": 100000}}'
  id=$(new_id c)
  # CPU 4000 is none; memory, shares and quota are written before it.
  run --separate-stderr update --memory 32m --memory-swap 48m --memory-reservation 16m --cpu-share 2048 --cpu-quota 20000 \
    --cpu-period 50000 --pids-limit 7 --cpuset-cpus 4000 "$id"
  assert_failure
  assert_one_error_line cpuset.cpus
  assert_group c memory/memory.limit_in_bytes 67108864 memory.max 67108864
  assert_group c memory/memory.memsw.limit_in_bytes 67108864 memory.swap.max 0
  assert_group c memory/memory.soft_limit_in_bytes 9223372036854771712 memory.low 0
  assert_group c cpu/cpu.shares 512 cpu.weight 59
  assert_group c cpu/cpu.cfs_quota_us 40000 cpu.max '40000 100000'
  assert_group c cpu/cpu.cfs_period_us 100000 cpu.max '40000 100000'
  assert_group c pids/pids.max 20 pids.max 20
  # And the same without it is fine.
  update --memory 32m --memory-swap 48m --cpu-share 2048 --pids-limit 7 "$id"
  assert_group c memory/memory.limit_in_bytes 33554432 memory.max 33554432
  assert_group c pids/pids.max 7 pids.max 7
  if by_systemd; then
    run systemctl show -P TasksMax "rkt-$TEST_TAG-c.scope"
    assert_output 7
  fi
}

@test "an update that is refused after it has set CPUs: the container has those that it had" {
  needs controller cpuset
  local id
  start_limited c
  id=$(new_id c)
  cpus() { rocker_runc exec "$id" grep -E '^(Cpus|Mems)_allowed_list' /proc/self/status; }
  cpus >before
  # What is written after the CPUs.
  local refused='"blockIO": {"throttleReadBpsDevice": [{"major": 999, "minor": 0, "rate": 1}]}'
  ! on_v2 || refused='"unified": {"memory.nosuch": "1"}'
  run --separate-stderr update -r - "$id" <<<"{\"cpu\": {\"cpus\": \"0\", \"mems\": \"0\"}, $refused}"
  assert_failure
  # And no warning of what could not be put back.
  assert_one_error_line
  assert_equal "$(cpus)" "$(cat before)"
  if on_v2; then assert_equal "$(group_file c - cpuset.cpus.effective)" "$(cat /sys/fs/cgroup/cpuset.cpus.effective)"; fi
}

@test "device rules that are refused leave those of before" {
  needs controller devices
  ! on_v2 || skip 'v2 refuses no rules'
  local id parent=/sys/fs/cgroup/devices/$TEST_TAG
  mkdir -p "$parent"
  echo 'c 10:229 rwm' >"$parent/devices.deny"
  start_limited c '{"devices": [{"allow": true, "access": "rwm"}]}'
  id=$(new_id c)
  cat "$parent/c/devices.list" >before
  run --separate-stderr update -r - "$id" <<<'{"pids": {"limit": 20}, "devices": [{"allow": false, "access": "rwm"},
    {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]}'
  assert_failure
  assert_one_error_line devices.allow
  assert_equal "$(cat "$parent/c/devices.list")" "$(cat before)"
  run rocker_runc exec "$id" sh -c 'echo >/dev/null && echo open'
  assert_output open
}

@test "device rules: replaced while the container runs; those that it has already are no update" {
  local id probe='for n in 1:11 1:3; do m=/tmp/${n#*:}; [ -e $m ] || mknod $m c ${n%:*} ${n#*:}; head -c 0 $m && echo $n yes || echo $n no; done'
  local rules='[{"allow": false, "access": "rwm"}]'
  start_limited c "{\"devices\": $rules}" '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]
    | .process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"] | unique)'
  id=$(new_id c)
  probe() { rocker_runc exec "$id" sh -c "$probe" 2>/dev/null; }
  run probe
  assert_output $'1:11 no\n1:3 yes'
  echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}]}' >more.json
  update -r more.json "$id"
  run probe
  assert_output $'1:11 yes\n1:3 yes'
  # The rules of the config are news now.
  update -r - "$id" <<<"{\"devices\": $rules}"
  run probe
  assert_output $'1:11 no\n1:3 yes'
  update -r more.json "$id"
  update -r - "$id" <<<'{"devices": [{"allow": true, "access": "rwm"}]}'
  run probe
  assert_output $'1:11 yes\n1:3 yes'
  update -r - "$id" <<<"{\"devices\": $rules}"
  # An exception from an exception is the program's; the one after it takes that away again.
  if [[ $(cgroup_mode) != v1 ]]; then
    update -r - "$id" <<<'{"devices": [{"allow": true, "type": "c", "major": 1, "access": "rw"}, {"allow": false, "type": "c",
      "major": 1, "minor": 11, "access": "rw"}]}'
    run probe
    assert_output $'1:11 no\n1:3 yes'
    update -r more.json "$id"
    run probe
    assert_output $'1:11 yes\n1:3 yes'
    update -r - "$id" <<<"{\"devices\": $rules}"
  fi
  # What a hook has allowed beside the runtime stays as long as nothing new is said.
  if ! on_v2; then
    echo 'c 1:11 r' >"$(cgroup_dir devices "$(container_pid "$id")")/devices.allow"
    echo "{\"pids\": {\"limit\": 30}, \"devices\": $rules}" | update -r - "$id"
    run probe
    assert_output $'1:11 yes\n1:3 yes'
  fi
}

@test "device rules: what stays allowed is so at every moment of an update" {
  local id i
  start_limited c
  id=$(new_id c)
  rocker_runc exec "$id" sh -c 'i=0; while [ $i -lt 3000 ]; do : </dev/null || exit 1; i=$((i + 1)); done; echo fine' >out 2>&1 3>&- 4>&- &
  for i in {1..20}; do
    update -r - "$id" <<<"{\"devices\": [{\"allow\": true, \"type\": \"c\", \"major\": 1, \"minor\": $((i % 2 + 10)), \"access\": \"r\"}]}"
  done
  wait "$!"
  assert_equal "$(cat out)" fine
}

@test "cpuset, pids" {
  needs controller cpuset
  needs controller pids
  local id
  start_limited c
  id=$(new_id c)
  update --cpuset-cpus 0 --cpuset-mems 0 "$id"
  assert_group c cpuset/cpuset.cpus 0 cpuset.cpus 0
  assert_group c cpuset/cpuset.mems 0 cpuset.mems 0
  update --pids-limit 12 "$id"
  assert_group c pids/pids.max 12 pids.max 12
  update --pids-limit -1 "$id"
  assert_group c pids/pids.max max pids.max max
}

@test "kernel memory and TCP buffers are v1's, and refused by name on v2" {
  needs controller memory
  start_limited c
  run update --kernel-memory-tcp 32m "$(new_id c)"
  if on_v2; then
    assert_failure
    assert_output --partial /linux/resources/memory/kernelTCP
    run update --kernel-memory 32m "$(new_id c)"
    assert_failure
  else
    assert_success
    assert_group c memory/memory.kmem.tcp.limit_in_bytes 33554432 - -
    update --kernel-memory 32m "$(new_id c)"
  fi
}

@test "blkio weight" {
  needs controller blkio
  start_limited c
  if on_v2; then
    update --blkio-weight 500 "$(new_id c)"
    group_file c - io.bfq.weight >/dev/null 2>&1 || assert_group c - - io.weight 'default 4950'
  elif group_file c blkio/blkio.bfq.weight - >/dev/null 2>&1; then
    update --blkio-weight 500 "$(new_id c)"
    assert_group c blkio/blkio.bfq.weight 500 - -
  else
    run update --blkio-weight 500 "$(new_id c)"
    assert_failure
    assert_output --partial 'blkio'
  fi
}

@test "real-time options are there" {
  needs controller cpu
  start_limited c
  run update --cpu-rt-period 500000 --cpu-rt-runtime 0 "$(new_id c)"
  if on_v2; then
    assert_failure
    assert_output --partial realtimePeriod
  elif [[ -e /sys/fs/cgroup/cpu/cpu.rt_period_us ]]; then
    assert_success
    assert_group c cpu/cpu.rt_period_us 500000 - -
  else
    assert_failure
  fi
}

@test "Intel RDT: refused for a container that has no group there" {
  start_limited c
  run update --l3-cache-schema 'L3:0=f' "$(new_id c)"
  assert_failure
  assert_output --partial resctrl
  run update --mem-bw-schema 'MB:0=20' "$(new_id c)"
  assert_failure
}

@test "JSON from a file and from standard input, as dockerd and containerd send it" {
  needs controller cpu
  local id
  start_limited c '{"memory": {"limit": 67108864}, "cpu": {"shares": 512}}'
  id=$(new_id c)
  echo '{"memory":{"limit":0,"reservation":0,"kernel":0},"cpu":{"shares":0,"quota":70000,"period":100000},
    "blockIO":{"weight":0}}' | update --resources - "$id"
  assert_group c cpu/cpu.cfs_quota_us 70000 cpu.max '70000 100000'
  assert_group c cpu/cpu.shares 512 cpu.weight 59
  assert_group c memory/memory.limit_in_bytes 67108864 memory.max 67108864
  echo '{"pids": {"limit": 44}, "devices": [{"allow": false, "access": "rwm"}]}' >r.json
  update -r r.json "$id"
  assert_group c pids/pids.max 44 pids.max 44
}

@test "unified in an update" {
  needs cgroup v2
  start_limited c
  echo '{"unified": {"memory.high": "67108864", "pids.max": "5"}}' | update -r - "$(new_id c)"
  assert_group c - - memory.high 67108864
  assert_group c - - pids.max 5
  run update -r - "$(new_id c)" <<<'{"unified": {"nosuch.max": "1"}}'
  assert_failure
  assert_output --partial 'controller nosuch'
}

@test "checkBeforeUpdate: a limit below what is in use is refused, and nobody is killed" {
  needs controller memory
  start_limited c '{"memory": {"limit": 268435456}}' '.process.args = ["sh", "-c", "dd if=/dev/zero of=/mnt/f bs=1M count=64; exec sleep 1000"]
    | .mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]'
  wait_until 20 grep -qx sleep "/proc/$(container_pid "$(new_id c)")/comm"
  run --separate-stderr update -r - "$(new_id c)" <<<'{"memory": {"limit": 8388608, "swap": 8388608, "checkBeforeUpdate": true}}'
  assert_failure
  assert_one_error_line
  assert_group c memory/memory.limit_in_bytes 268435456 memory.max 268435456
  [[ $(container_status "$(new_id c)") = running ]]
}

@test "what is wrong is said in one line, and nothing is changed" {
  local id
  start_limited c '{"pids": {"limit": 20}}'
  id=$(new_id c)
  local bad
  for bad in '--memory 64x' '--cpu-quota many' '--pids-limit 1.5' '--nosuch 1' '--cpu-share -5'; do
    # shellcheck disable=SC2086  # an option and its value
    run --separate-stderr update $bad "$id"
    assert_failure
    assert_one_error_line
  done
  for bad in '' '{' '[]' '"x"' '{"pids": {"limit": "many"}}' '{"memory": {"limit": 99999999999999999999}}'; do
    run --separate-stderr update -r - "$id" <<<"$bad"
    assert_failure
    assert_one_error_line
  done
  run --separate-stderr update -r /nosuch.json "$id"
  assert_failure
  assert_one_error_line /nosuch.json
  run --separate-stderr update --pids-limit 5 "$(new_id nosuch)"
  assert_failure
  assert_one_error_line 'does not exist'
  assert_group c pids/pids.max 20 pids.max 20
}

@test "a container that has ended: refused" {
  limited_bundle c '{}' '.process.args = ["true"]'
  run_detached "$(new_id c)" c
  wait_until 10 is_stopped "$(new_id c)"
  run --separate-stderr update --pids-limit 5 "$(new_id c)"
  assert_failure
  assert_one_error_line 'not running'
}
