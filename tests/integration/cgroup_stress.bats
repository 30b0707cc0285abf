#!/usr/bin/env bats
# Limits hold: stress-ng in a container is kept to its cpu, memory, pids and I/O limits within 5 %.
# serial: what runs beside would be measured as well
# vm: v2 systemd

load helpers
load cgroup_helpers

setup() {
  setup_test
  needs command stress-ng
}

# A container with the host's root, read-only, and a tmpfs to work in.
host_bundle() { # NAME RESOURCES COMMAND...
  local name=$1 resources=$2
  shift 2
  limited_bundle "$name" "$resources" '.root = {path: "/", readonly: true} | .process.args = $command
    | .process.cwd = "/mnt" | .process.env = ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"]
    | .mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["mode=777"]}]' \
    --argjson command "$(printf '%s\n' "$@" | jq -Rsc 'split("\n")[:-1]')"
}

# That VALUE is within PERCENT of EXPECTED.
assert_near() { # WHAT VALUE EXPECTED [PERCENT]
  awk -v value="$2" -v expected="$3" -v percent="${4:-5}" 'BEGIN {
    exit !(value >= expected * (1 - percent / 100) && value <= expected * (1 + percent / 100)) }' || {
    batslib_print_kv_single 8 what "$1" expected "$3" actual "$2" | batslib_decorate "not within ${4:-5} %" | fail
  }
}

cpu_seconds() { # NAME: that its group has used
  if on_v2; then
    group_file "$1" - cpu.stat | awk '/^usage_usec/ { printf "%.3f\n", $2 / 1e6 }'
  else
    group_file "$1" cpuacct/cpuacct.usage - | awk '{ printf "%.3f\n", $1 / 1e9 }'
  fi
}

cpu_stat() { group_file "$1" cpu/cpu.stat cpu.stat | awk -v key="$2" '$1 == key { print $2 }'; } # NAME KEY

@test "cpu: 30 % of a processor" {
  needs controller cpu
  host_bundle c '{"cpu": {"quota": 30000, "period": 100000}}' stress-ng --cpu 2 --timeout 1000
  run_detached "$(new_id c)" c
  # stress-ng takes its time to start on a slow machine: from when the limit is felt.
  for _ in {1..300}; do
    [[ $(cpu_stat c nr_throttled) -lt 10 ]] || break
    sleep 0.2
  done
  # Time is counted in the kernel's own periods, which come late where the machine itself is kept waiting; a period in
  # which the group was not throttled is one in which others left it less than its limit.
  local used periods throttled
  used=$(cpu_seconds c) periods=$(cpu_stat c nr_periods) throttled=$(cpu_stat c nr_throttled)
  sleep "${ROCKER_TEST_SECONDS:-8}"
  used=$(awk -v a="$used" -v b="$(cpu_seconds c)" 'BEGIN { print b - a }')
  throttled=$(($(cpu_stat c nr_throttled) - throttled)) periods=$(($(cpu_stat c nr_periods) - periods))
  ((throttled >= 10)) || fail "throttled in $throttled of $periods periods"
  awk -v used="$used" -v throttled="$throttled" -v periods="$periods" 'BEGIN {
    exit !(used >= 0.95 * 0.03 * throttled && used <= 1.05 * 0.03 * periods) }' ||
    fail "$used s of processor time in $periods periods, throttled in $throttled"
}

@test "memory: never above its limit, and close to it" {
  needs controller memory
  # stress-ng starts again what the kernel kills.
  host_bundle c '{"memory": {"limit": 134217728, "swap": 134217728}}' stress-ng --vm 1 --vm-bytes 512M --vm-keep --timeout 1000
  run_detached "$(new_id c)" c
  local most=0 now end=$((SECONDS + 8)) dir file
  dir=$(cgroup_dir memory "$(container_pid "$(new_id c)")")
  file=$dir/memory.usage_in_bytes
  if on_v2; then file=$dir/memory.current; fi
  while ((SECONDS < end)); do
    now=$(<"$file")
    ((now <= most)) || most=$now
    sleep 0.05
  done
  ((most <= 134217728)) || fail "$most bytes were in use"
  now=$(cat "$dir/memory.max_usage_in_bytes" "$dir/memory.peak" 2>/dev/null) || now=${now:-$most}
  assert_near 'most memory in use' "$now" 134217728
}

@test "pids: no process more than its limit" {
  needs controller pids
  host_bundle c '{"pids": {"limit": 40}}' stress-ng --fork 8 --fork-max 50 --timeout 1000
  run_detached "$(new_id c)" c
  local most=0 now end=$((SECONDS + 6))
  while ((SECONDS < end)); do
    now=$(group_file c pids/pids.current pids.current)
    ((now <= most)) || most=$now
    sleep 0.02
  done
  ((most <= 40)) || fail "$most processes"
  assert_near 'most processes' "$most" 40
}

@test "I/O: reading a disk at its rate" {
  needs controller blkio
  local name number rate=2097152 seconds=6 bytes
  read -r name number < <(test_disk)
  dd "if=/dev/$name" of=/dev/null bs=128k count=1 iflag=direct 2>/dev/null || skip "this machine does not let /dev/$name be read"
  host_bundle c "$(jq -n --arg number "$number" --argjson rate $rate '($number / ":" | map(tonumber)) as [$major, $minor]
    | {blockIO: {throttleReadBpsDevice: [{major: $major, minor: $minor, rate: $rate}]},
       devices: [{allow: false, access: "rwm"}, {allow: true, type: "b", major: $major, minor: $minor, access: "r"}]}')" \
    sleep 1000
  edit_config c '.linux.devices = [{path: "/dev/disk-under-test", type: "b", major: $major, minor: $minor, fileMode: 384}]' \
    --argjson major "${number%:*}" --argjson minor "${number#*:}"
  run_detached "$(new_id c)" c
  # Direct, so that the page cache gives nothing, and ended by the clock.
  run rocker_runc exec "$(new_id c)" timeout $seconds dd if=/dev/disk-under-test of=/dev/null bs=128k iflag=direct
  [[ $status = 124 ]] || fail "dd: $output"
  if on_v2; then
    bytes=$(group_file c - io.stat | sed -n "s/^$number .*rbytes=\([0-9]*\).*/\1/p")
  else
    bytes=$(group_file c blkio/blkio.throttle.io_service_bytes - | awk -v d="$number" '$1 == d && $2 == "Read" { print $3 }')
  fi
  assert_near 'bytes read a second' "$(awk -v b="$bytes" -v s=$seconds 'BEGIN { print b / s }')" $rate
}
