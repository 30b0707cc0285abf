#!/usr/bin/env bats
# Control groups: where a container's are, what linux.resources writes into them, and what is left (nothing).
# vm: v2 systemd

load helpers
load cgroup_helpers

@test "a container is in a group of its own in every hierarchy, and none is left after it" {
  start_limited c
  pid=$(container_pid "$(new_id c)")
  while IFS=: read -r number controllers path; do
    # A v1 hierarchy that was unmounted and lives on can be joined by nobody.
    [[ -z $controllers ]] || grep -qE " - cgroup [^ ]+ .*\b${controllers#name=}\b" /proc/self/mountinfo || continue
    [[ $path == *$TEST_TAG* ]] || fail "hierarchy $number ($controllers): $path is not the container's"
  done <"/proc/$pid/cgroup"
  rocker_runc delete -f "$(new_id c)"
  assert_nothing_of c
}

@test "cgroupsPath absolute: counted from the mount point" {
  ! by_systemd || skip 'systemd has slices and not paths'
  start_limited c '{}' '.linux.cgroupsPath = $path' --arg path "/$TEST_TAG/deep/er"
  run sed -n 's/^[0-9]*:\(pids\|\)://p' "/proc/$(container_pid "$(new_id c)")/cgroup"
  assert_line "/$TEST_TAG/deep/er"
}

@test "cgroupsPath relative: always the same place, wherever the runtime itself is" {
  ! by_systemd || skip 'systemd has slices and not paths'
  start_limited c '{}' '.linux.cgroupsPath = $path' --arg path "$TEST_TAG/rel"
  run sed -n 's/^[0-9]*:\(pids\|\)://p' "/proc/$(container_pid "$(new_id c)")/cgroup"
  assert_line "/$TEST_TAG/rel"
}

@test "cgroupsPath not given: a group named by the container's ID" {
  start_limited c '{}' 'del(.linux.cgroupsPath)'
  run cat "/proc/$(container_pid "$(new_id c)")/cgroup"
  if by_systemd; then
    assert_output "0::/system.slice/rocker-$(new_id c).scope"
  else
    assert_line --regexp ":.*/$(new_id c)$"
  fi
}

@test "cgroupsPath slice:prefix:name: a scope in a slice" {
  by_systemd || skip 'needs the systemd driver'
  start_limited c '{}' '.linux.cgroupsPath = $path' --arg path "rkt-a.slice:pre:$TEST_TAG"
  run cat "/proc/$(container_pid "$(new_id c)")/cgroup"
  assert_output "0::/rkt.slice/rkt-a.slice/pre-$TEST_TAG.scope"
}

@test "cgroupsPath that is none: refused" {
  local bad
  if by_systemd; then
    for bad in /a/b a:b 'not-a-slice:b:c' 'a.slice:b:' 'system.slice:b:c.slice'; do
      assert_refused /linux/cgroupsPath c '{}' '.linux.cgroupsPath = $path' --arg path "$bad"
    done
  else
    for bad in / /a/../b ../../x; do
      assert_refused /linux/cgroupsPath c '{}' '.linux.cgroupsPath = $path' --arg path "$bad"
    done
  fi
}

@test "a group with processes in it: refused" {
  ! by_systemd || skip 'systemd refuses a scope that exists'
  start_limited c
  assert_refused 'is not empty' d '{}' '.linux.cgroupsPath = $path' --arg path "$(cgroups_path c)"
  [[ $(container_status "$(new_id c)") = running ]]
}

@test "two that want the same group at the same time: one gets it" {
  ! by_systemd || skip 'systemd refuses a scope that exists'
  local round a b
  for name in a b; do limited_bundle $name '{}' '.linux.cgroupsPath = $path' --arg path "$(cgroups_path a)"; done
  for round in {1..20}; do
    a=$(new_id a$round) b=$(new_id b$round)
    rocker_runc create -b a "$a" </dev/null >a.log 2>&1 3>&- 4>&- &
    local first=$! of_a=0 of_b=0
    rocker_runc create -b b "$b" </dev/null >b.log 2>&1 3>&- 4>&- || of_b=$?
    wait "$first" || of_a=$?
    if [[ $((of_a + of_b)) != 1 ]]; then
      cat a.log b.log >&2
      fail "round $round: exit codes $of_a and $of_b"
    fi
    run cat a.log b.log
    assert_output --partial 'is not empty'
    rocker_runc delete -f "$a"
    rocker_runc delete -f "$b"
  done
}

@test "what a crashed start has left is removed, and nothing of the container that has the group" {
  local id
  start_limited c
  id=$(new_id lost)
  # As it is when the runtime is killed after it has written where the group is to be, and before it has it.
  mkdir "$RUNC_ROOT/$id"
  jq --arg id "$id" '.id = $id | .pid = 0 | .startTime = 0 | .cgroup.pending = true' "$RUNC_ROOT/$(new_id c)/state.json" >"$RUNC_ROOT/$id/state.json"
  cp "$RUNC_ROOT/$(new_id c)/config.json" "$RUNC_ROOT/$id/"
  run rocker_runc ps --format json "$id"
  assert_output '[]'
  rocker_runc kill --all "$id" KILL
  rocker_runc delete -f "$id"
  [[ $(container_status "$(new_id c)") = running ]]
  run rocker_runc exec "$(new_id c)" echo there
  assert_output there
}

@test "a scope that exists already: refused, and left alone" {
  by_systemd || skip 'needs the systemd driver'
  start_limited c
  assert_refused "rkt-$TEST_TAG-c.scope" d '{}' '.linux.cgroupsPath = $path' --arg path "$(cgroups_path c)"
  [[ $(container_status "$(new_id c)") = running ]]
}

@test "a frozen group, or one below a frozen group: refused" {
  ! by_systemd || skip 'systemd makes the group'
  local parent=/sys/fs/cgroup/$TEST_TAG
  if on_v2; then
    mkdir "$parent"
    echo 1 >"$parent/cgroup.freeze"
  else
    parent=/sys/fs/cgroup/freezer/$TEST_TAG
    mkdir "$parent"
    echo FROZEN >"$parent/freezer.state"
  fi
  assert_refused 'is frozen' c
  if on_v2; then echo 0 >"$parent/cgroup.freeze"; else echo THAWED >"$parent/freezer.state"; fi
  start_limited c
}

@test "memory: limit, swap, reservation" {
  needs controller memory
  start_limited c '{"memory": {"limit": 104857600, "swap": 209715200, "reservation": 52428800}}'
  assert_group c memory/memory.limit_in_bytes 104857600 memory.max 104857600
  assert_group c memory/memory.memsw.limit_in_bytes 209715200 memory.swap.max 104857600
  assert_group c memory/memory.soft_limit_in_bytes 52428800 memory.low 52428800
}

@test "memory: unlimited, and unlimited memory takes the limit off the sum" {
  needs controller memory
  start_limited c '{"memory": {"limit": -1}}'
  assert_group c memory/memory.limit_in_bytes 9223372036854771712 memory.max max
  assert_group c memory/memory.memsw.limit_in_bytes 9223372036854771712 memory.swap.max max
}

@test "memory: swap below the limit is refused" {
  needs controller memory
  assert_refused memory c '{"memory": {"limit": 104857600, "swap": 52428800}}'
}

@test "memory: kernel, kernelTCP, swappiness, disableOOMKiller, useHierarchy are v1's, and refused by name on v2" {
  needs controller memory
  if on_v2; then
    assert_refused /linux/resources/memory/kernel: c '{"memory": {"kernel": 52428800}}'
    assert_refused /linux/resources/memory/kernelTCP c '{"memory": {"kernelTCP": 52428800}}'
    assert_refused /linux/resources/memory/swappiness c '{"memory": {"swappiness": 50}}'
    assert_refused /linux/resources/memory/disableOOMKiller c '{"memory": {"disableOOMKiller": true}}'
    assert_refused /linux/resources/memory/useHierarchy c '{"memory": {"useHierarchy": false}}'
    # What asks for nothing but what is the case anyway is no error.
    start_limited c '{"memory": {"kernel": -1, "disableOOMKiller": false, "useHierarchy": true}}'
    return
  fi
  start_limited c '{"memory": {"kernel": 52428800, "kernelTCP": 26214400, "swappiness": 50, "disableOOMKiller": true,
    "useHierarchy": true}}'
  assert_group c memory/memory.kmem.tcp.limit_in_bytes 26214400 - -
  assert_group c memory/memory.swappiness 50 - -
  group_file c memory/memory.oom_control - | grep -qx 'oom_kill_disable 1'
  assert_group c memory/memory.use_hierarchy 1 - -
}

@test "a zero is unset, as engines send it" {
  needs controller memory
  start_limited c '{"memory": {"limit": 0, "reservation": 0, "kernel": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0},
    "blockIO": {"weight": 0}}'
  assert_group c memory/memory.limit_in_bytes 9223372036854771712 memory.max max
  assert_group c cpu/cpu.shares 1024 cpu.weight 100
}

@test "cpu: shares, quota, period, burst, idle" {
  needs controller cpu
  start_limited c '{"cpu": {"shares": 512, "quota": 50000, "period": 200000, "burst": 10000}}'
  assert_group c cpu/cpu.shares 512 cpu.weight 59
  assert_group c cpu/cpu.cfs_quota_us 50000 cpu.max '50000 200000'
  assert_group c cpu/cpu.cfs_period_us 200000 cpu.max '50000 200000'
  assert_group c cpu/cpu.cfs_burst_us 10000 cpu.max.burst 10000
  start_limited d '{"cpu": {"idle": 1}}'
  assert_group d cpu/cpu.idle 1 cpu.idle 1
}

@test "cpu: real-time runtime is v1's" {
  needs controller cpu
  if on_v2; then
    assert_refused /linux/resources/cpu/realtimePeriod c '{"cpu": {"realtimePeriod": 1000000}}'
    return
  fi
  [[ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]] || skip 'needs CONFIG_RT_GROUP_SCHED'
  start_limited c '{"cpu": {"realtimePeriod": 500000}}'
  assert_group c cpu/cpu.rt_period_us 500000 - -
  # The group above has none to give.
  assert_refused 'cpu.rt_runtime_us: invalid argument' d '{"cpu": {"realtimeRuntime": 400000}}'
}

@test "cpuset: cpus and mems; without them what the group above has" {
  needs controller cpuset
  start_limited c '{"cpu": {"cpus": "0", "mems": "0"}}'
  assert_group c cpuset/cpuset.cpus 0 cpuset.cpus 0
  assert_group c cpuset/cpuset.mems 0 cpuset.mems 0
  run rocker_runc exec "$(new_id c)" grep Cpus_allowed_list /proc/self/status
  assert_output --regexp '	0$'
  start_limited d
  assert_group d cpuset/cpuset.cpus "$(cat /sys/fs/cgroup/cpuset/cpuset.cpus 2>/dev/null)" cpuset.cpus ''
}

@test "cpuset: groups on the way that somebody has made and not filled are filled" {
  needs cgroup v1
  needs controller cpuset
  mkdir -p "/sys/fs/cgroup/cpuset/$TEST_TAG/empty/c"
  start_limited c '{}' '.linux.cgroupsPath = $path' --arg path "/$TEST_TAG/empty/c"
  assert_equal "$(cat "/sys/fs/cgroup/cpuset/$TEST_TAG/empty/c/cpuset.cpus")" "$(cat /sys/fs/cgroup/cpuset/cpuset.cpus)"
  assert_equal "$(cat "/sys/fs/cgroup/cpuset/$TEST_TAG/empty/c/cpuset.mems")" "$(cat /sys/fs/cgroup/cpuset/cpuset.mems)"
}

@test "pids: a limit, none, and zero, which is a limit" {
  needs controller pids
  start_limited c '{"pids": {"limit": 17}}'
  assert_group c pids/pids.max 17 pids.max 17
  start_limited d '{"pids": {"limit": -1}}'
  assert_group d pids/pids.max max pids.max max
  start_limited e '{"pids": {"limit": 0}}'
  assert_group e pids/pids.max 1 pids.max 1
}

@test "blockIO: weights" {
  needs controller blkio
  local root=/sys/fs/cgroup
  if on_v2; then
    start_limited c '{"blockIO": {"weight": 500}}'
    if group_file c - io.bfq.weight >/dev/null 2>&1; then
      assert_group c - - io.bfq.weight 'default 500'
    else
      assert_group c - - io.weight 'default 4950'
    fi
    assert_refused /linux/resources/blockIO/leafWeight d '{"blockIO": {"leafWeight": 500}}'
    return
  fi
  mkdir "$root/blkio/$TEST_TAG"
  local file
  file=$(cd "$root/blkio/$TEST_TAG" && ls -d blkio.weight blkio.bfq.weight 2>/dev/null | head -n 1)
  rmdir "$root/blkio/$TEST_TAG"
  [[ -n $file ]] || skip 'needs a kernel with block I/O weights'
  start_limited c '{"blockIO": {"weight": 500}}'
  assert_group c "blkio/$file" 500 - -
}

@test "blockIO: throttles of a disk" {
  needs controller blkio
  read -r _ number < <(test_disk)
  start_limited c "$(jq -n --arg number "$number" '($number / ":" | map(tonumber)) as [$major, $minor]
    | def rate($r): [{major: $major, minor: $minor, rate: $r}];
    {blockIO: {throttleReadBpsDevice: rate(1048576), throttleWriteBpsDevice: rate(2097152),
               throttleReadIOPSDevice: rate(100), throttleWriteIOPSDevice: rate(200)}}')"
  assert_group c blkio/blkio.throttle.read_bps_device "$number 1048576" \
    io.max "$number rbps=1048576 wbps=2097152 riops=100 wiops=200"
  on_v2 || assert_group c blkio/blkio.throttle.write_iops_device "$number 200" - -
}

@test "blockIO: a disk that is not there is refused with file and value" {
  needs controller blkio
  assert_refused '"511:7 ' c '{"blockIO": {"throttleReadBpsDevice": [{"major": 511, "minor": 7, "rate": 1}]}}'
}

@test "hugepageLimits: usage and reservations" {
  [[ -e /sys/kernel/mm/hugepages/hugepages-2048kB ]] || skip 'needs huge pages of 2 MB'
  # A hierarchy that is mounted nowhere any more can keep the controller to itself.
  [[ -d /sys/fs/cgroup/hugetlb ]] || grep -qsw hugetlb /sys/fs/cgroup{,/unified}/cgroup.controllers ||
    skip 'needs the controller hugetlb, which is in no hierarchy that is mounted'
  start_limited c '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
  local dir
  if [[ -d /sys/fs/cgroup/hugetlb ]]; then
    assert_group c hugetlb/hugetlb.2MB.limit_in_bytes 4194304 - -
    assert_group c hugetlb/hugetlb.2MB.rsvd.limit_in_bytes 4194304 - -
  else
    # On a hybrid host the controller is in the unified hierarchy.
    dir=/sys/fs/cgroup
    on_v2 || dir=$dir/unified
    dir=$dir$(sed -n 's/^0:://p' "/proc/$(container_pid "$(new_id c)")/cgroup")
    assert_equal "$(cat "$dir/hugetlb.2MB.max")" 4194304
    assert_equal "$(cat "$dir/hugetlb.2MB.rsvd.max")" 4194304
  fi
  rocker_runc delete -f "$(new_id c)"
  assert_refused "has no pages of 64MB - it has " d '{"hugepageLimits": [{"pageSize": "64MB", "limit": 1}]}'
}

@test "blockIO: a weight that is out of range is refused" {
  assert_refused '/linux/resources/blockIO/weight: is out of range, expected 10 to 1000, found 5' c '{"blockIO": {"weight": 5}}'
}

@test "network: written where the controllers are, else refused by name" {
  local net='{"network": {"classID": 1048577}}'
  if on_v2; then
    assert_refused /linux/resources/network/classID c "$net"
    assert_refused /linux/resources/network/priorities d '{"network": {"priorities": [{"name": "lo", "priority": 5}]}}'
  elif [[ -d /sys/fs/cgroup/net_cls ]]; then
    start_limited c "$net"
    assert_group c net_cls/net_cls.classid 1048577 - -
  else
    assert_refused 'controller net_cls' c "$net"
    assert_refused 'controller net_prio' d '{"network": {"priorities": [{"name": "lo", "priority": 5}]}}'
  fi
}

@test "rdma: a device that is not there is refused by name" {
  local part='rdma.max'
  on_v2 || [[ -d /sys/fs/cgroup/rdma ]] || part='controller rdma'
  assert_refused "$part" c '{"rdma": {"mlx5_9": {"hcaHandles": 3, "hcaObjects": 10000}}}'
}

@test "unified: any file of v2, with its controller enabled; one that is missing is named" {
  if [[ $(cgroup_mode) = v1 ]]; then
    assert_refused /linux/resources/unified c '{"unified": {"memory.high": "1"}}'
    return
  fi
  if on_v2; then
    start_limited c '{"unified": {"memory.high": "104857600", "cgroup.max.depth": "3", "pids.max": "9"}}'
    assert_group c - - memory.high 104857600
    assert_group c - - cgroup.max.depth 3
    assert_group c - - pids.max 9
    assert_refused 'write "1" to' d '{"unified": {"memory.nosuch": "1"}}'
  else
    start_limited c '{"unified": {"cgroup.max.depth": "3"}}'
    [[ $(cat "/sys/fs/cgroup/unified$(sed -n 's/^0:://p' "/proc/$(container_pid "$(new_id c)")/cgroup")/cgroup.max.depth") = 3 ]]
    # A controller that v1 has taken.
    assert_refused 'controller memory is not there' d '{"unified": {"memory.high": "1"}}'
  fi
  assert_refused 'controller nosuch is not there' d '{"unified": {"nosuch.max": "1"}}'
}

@test "what the kernel refuses is said with controller, file and value" {
  needs controller cpuset
  assert_refused 'cgroup cpuset: write "4000" to /sys/fs/cgroup/' c '{"cpu": {"cpus": "4000"}}'
  if on_v2; then
    assert_refused 'cgroup cpu: write "10 100000" to /sys/fs/cgroup/' d '{"cpu": {"quota": 10, "period": 100000}}'
  else
    assert_refused 'cgroup cpu: write "10" to /sys/fs/cgroup/' d '{"cpu": {"quota": 10, "period": 100000}}'
  fi
}

@test "controllers are enabled down the path" {
  needs cgroup v2
  ! by_systemd || skip 'systemd makes the path'
  start_limited c '{"memory": {"limit": 104857600}}' '.linux.cgroupsPath = $path' --arg path "/$TEST_TAG/a/b/c"
  grep -qw memory "/sys/fs/cgroup/$TEST_TAG/a/b/cgroup.subtree_control"
  assert_group c - - memory.max 104857600
}

@test "a group above that has processes, and so hands nothing down, is named" {
  needs cgroup v2
  ! by_systemd || skip 'systemd makes the path'
  local parent=/sys/fs/cgroup/$TEST_TAG
  mkdir "$parent"
  sleep 100 3>&- 4>&- &
  echo $! >"$parent/cgroup.procs"
  assert_refused "$TEST_TAG/cgroup.subtree_control" c '{"memory": {"limit": 104857600}}'
  [[ $stderr == *'no internal processes'* ]]
  kill %1
}

@test "a group above that hands nothing down to its user is named, not the root, which does" {
  needs cgroup v2
  ! by_systemd || skip 'systemd makes the path'
  local parent=/sys/fs/cgroup/$TEST_TAG
  echo +memory >/sys/fs/cgroup/cgroup.subtree_control
  mkdir -p "$parent/own"
  chown -R 1000:1000 "$parent/own"
  limited_bundle c '{"memory": {"limit": 104857600}}' '.linux.cgroupsPath = $path
    | .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}]
    | .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1}]' --arg path "/$TEST_TAG/own/c"
  mkdir -m 777 user
  chmod 755 c
  run --separate-stderr setpriv --reuid 1000 --regid 1000 --clear-groups "$ROCKER_RUNC" --root "$TEST_DIR/user" run -b c "$(new_id c)"
  assert_failure
  [[ $stderr == *"$TEST_TAG/cgroup.subtree_control"* ]] || fail "$stderr"
}

@test "a threaded group above: refused for memory, and said why" {
  needs cgroup v2
  ! by_systemd || skip 'systemd makes the path'
  local parent=/sys/fs/cgroup/$TEST_TAG
  mkdir "$parent" "$parent/t"
  echo threaded >"$parent/t/cgroup.type"
  assert_refused 'threaded' c '{"memory": {"limit": 104857600}}' '.linux.cgroupsPath = $path' --arg path "/$TEST_TAG/t/c"
}

@test "the group is the container's own user's only when it is mounted writable in a cgroup namespace" {
  needs cgroup v2
  local filter='.process.user = {uid: 1234, gid: 1234}
    | .mounts |= map(select(.destination != "/sys/fs/cgroup"))
    | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: $options}]'
  start_limited c '{}' "$filter" --argjson options '["nosuid", "noexec", "nodev"]'
  local dir file
  dir=$(cgroup_dir any "$(container_pid "$(new_id c)")")
  assert_equal "$(stat -c %u "$dir")" 1234
  for file in $(cat /sys/kernel/cgroup/delegate); do
    [[ ! -e $dir/$file ]] || assert_equal "$file $(stat -c %u "$dir/$file")" "$file 1234"
  done
  [[ ! -e $dir/memory.max ]] || assert_equal "$(stat -c %u "$dir/memory.max")" 0
  start_limited d '{}' "$filter" --argjson options '["nosuid", "noexec", "nodev", "ro"]'
  dir=$(cgroup_dir any "$(container_pid "$(new_id d)")")
  assert_equal "$(stat -c %u "$dir")" 0
}

@test "the container sees its own tree and cannot write to it, unless asked" {
  local filter='.linux.namespaces += [{type: "cgroup"}] | .linux.namespaces |= unique
    | .mounts |= map(select(.destination != "/sys/fs/cgroup"))
    | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: $options}]'
  start_limited c '{"pids": {"limit": 33}}' "$filter" --argjson options '["nosuid", "noexec", "nodev", "relatime", "ro"]'
  run rocker_runc exec "$(new_id c)" cat /proc/1/cgroup
  refute_output --partial "$TEST_TAG"
  local pids=/sys/fs/cgroup/pids.max
  on_v2 || pids=/sys/fs/cgroup/pids/pids.max
  run rocker_runc exec "$(new_id c)" cat "$pids"
  assert_output 33
  run rocker_runc exec "$(new_id c)" mkdir "${pids%/*}/new"
  assert_failure
  assert_output --partial 'Read-only'
  start_limited d '{}' "$filter" --argjson options '["nosuid", "noexec", "nodev", "relatime"]'
  rocker_runc exec "$(new_id d)" mkdir "${pids%/*}/new"
  [[ -d $(cgroup_dir pids "$(container_pid "$(new_id d)")")/new ]]
  rocker_runc delete -f "$(new_id d)"
  assert_nothing_of d
}

@test "exec: into the same groups, and by --cgroup into one below" {
  start_limited c
  local id pid
  id=$(new_id c)
  pid=$(container_pid "$id")
  rocker_runc exec --detach --pid-file exec.pid "$id" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
  diff "/proc/$pid/cgroup" "/proc/$(cat exec.pid)/cgroup"
  local dir
  dir=$(cgroup_dir pids "$pid")
  mkdir "$dir/sub"
  if on_v2; then
    rocker_runc exec --cgroup sub --detach --pid-file sub.pid "$id" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
  else
    rocker_runc exec --cgroup pids:sub --detach --pid-file sub.pid "$id" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
  fi
  grep -qx "$(cat sub.pid)" "$dir/sub/cgroup.procs"
  run rocker_runc exec --cgroup ../.. "$id" true
  assert_failure
  run rocker_runc exec --cgroup nosuch "$id" true
  assert_failure
  assert_output --partial nosuch
}

@test "exec: where init is, once the container has made groups of its own" {
  needs cgroup v2
  start_limited c
  local id dir
  id=$(new_id c)
  dir=$(cgroup_dir any "$(container_pid "$id")")
  # What systemd does as the init of a container.
  mkdir "$dir/init.scope"
  container_pid "$id" >"$dir/init.scope/cgroup.procs"
  echo +pids >"$dir/cgroup.subtree_control"
  rocker_runc exec --detach --pid-file exec.pid "$id" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
  grep -qx "$(cat exec.pid)" "$dir/init.scope/cgroup.procs"
}

@test "kill --all: everything, also what forks, is in groups below or is frozen" {
  start_limited c '{}' '.process.args = ["sh", "-c", "while :; do sleep 0.01 & sleep 1000 & wait $!; done"]'
  local id dir
  id=$(new_id c)
  dir=$(cgroup_dir pids "$(container_pid "$id")")
  mkdir "$dir/below"
  rocker_runc exec --detach --pid-file exec.pid "$id" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
  cat exec.pid >"$dir/below/cgroup.procs"
  rocker_runc pause "$id"
  rocker_runc kill --all "$id" KILL
  wait_until 10 is_stopped "$id"
  [[ ! -d $dir ]] || assert_equal "$(cat "$dir/cgroup.procs" "$dir/below/cgroup.procs")" ''
  rocker_runc delete "$id"
  assert_nothing_of c
}

@test "memory that is exceeded: killed with 137, and the whole group with memory.oom.group" {
  needs controller memory
  limited_bundle c '{"memory": {"limit": 33554432, "swap": 33554432}}' \
    '.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=200M count=1"]'
  run rocker_runc run --bundle c "$(new_id c)"
  assert_failure 137
  needs cgroup v2
  limited_bundle d '{"memory": {"limit": 33554432, "swap": 33554432}, "unified": {"memory.oom.group": "1"}}' \
    '.process.args = ["sh", "-c", "sleep 1000 & dd if=/dev/zero of=/dev/null bs=200M count=1; echo survived; exit 0"]'
  run rocker_runc run --bundle d "$(new_id d)"
  assert_failure 137
  refute_output --partial survived
}

@test "many at once: created, updated, paused, killed, and nothing is left" {
  local count=${ROCKER_TEST_CONTAINERS:-200} i
  limited_bundle c '{"pids": {"limit": 20}}' 'del(.linux.cgroupsPath)'
  one() {
    local id=$TEST_TAG-many-$1
    {
      rocker_runc run --detach --bundle c "$id" </dev/null && rocker_runc update --pids-limit 30 "$id" &&
        rocker_runc pause "$id" && rocker_runc resume "$id" && rocker_runc kill --all "$id" KILL &&
        rocker_runc delete -f "$id"
    } >"log.$1" 2>&1 3>&- 4>&- || echo "$1" >>failed
  }
  local pids=()
  for ((i = 0; i < count; i++)); do
    one "$i" &
    pids+=($!)
  done
  wait "${pids[@]}"
  [[ ! -e failed ]] || { cat $(sed 's/^/log./' failed) | batslib_decorate 'failed' | fail; }
  assert_nothing_of many
  assert_equal "$(ls "$RUNC_ROOT")" ''
}
